//! The API's resources, one file each.

pub mod agents;
pub mod connect_whatsapp;
pub mod connections;
pub mod me;
pub mod signup_whatsapp;
pub mod templates;
