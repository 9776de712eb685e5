//! The API's resources, one file each.

pub mod agents;
pub mod api_keys;
pub mod approvals;
pub mod audit;
pub mod auth;
pub mod billing;
pub mod bindings;
pub mod budgets;
pub mod channels;
pub mod connect_whatsapp;
pub mod connections;
pub mod conversations;
pub mod escalation_rules;
pub mod escalations;
pub mod invitations;
pub mod llm_keys;
pub mod me;
pub mod members;
pub mod memories;
pub mod notices;
pub mod signup_whatsapp;
mod simulation;
pub mod templates;
pub mod tenants;
pub mod tools;
pub mod traces;
pub mod usage;
