//! The API's resources, one file each.

pub mod agents;
pub mod connections;
pub mod me;
