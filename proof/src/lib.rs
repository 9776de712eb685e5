//! Numbers and invariants, across all crates. Nothing of the product depends on this.

pub mod bench;
pub mod fuzz;
pub mod isolation;
