//! Numbers and invariants, across all crates. Nothing of the product depends on this.

pub mod asvs;
pub mod attacks;
pub mod bench;
pub mod chaos;
pub mod contract;
pub mod fuzz;
pub mod isolation;
pub mod residue;
