//! Commands about money: what models and currencies are worth, and what a tenant used.

pub mod price;
pub mod rate;
pub mod usage;
