//! Erasing people and tenants, and handing out what is there of a person.

pub mod erase;
pub mod export;
