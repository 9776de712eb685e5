//! Tenant isolation, attacked from the database's own description of itself.
//!
//! [`catalog`] reads what is there, [`rules`] says what must be true of it, [`rights`] what nobody may hold, [`fill`] puts
//! tenants' rows into every table, [`probes`] writes down each way to reach for another tenant's, [`trial`] tries them one by
//! one and [`scale`] by the million. A table that a migration adds is attacked without a line of code here. [`mutants`] makes
//! mistakes on purpose, to see that each is noticed.

mod acting;
mod acts;
pub mod arena;
mod billing;
pub mod catalog;
mod counted;
mod desk;
mod entrances;
mod erased;
pub mod fill;
mod handovers;
mod helped;
pub mod installations;
mod kept;
mod later;
mod learned;
pub mod listed;
mod money;
pub mod mutants;
mod noted;
mod once;
mod pages;
mod places;
pub mod probes;
mod reasons;
pub mod rights;
pub mod rules;
pub mod scale;
pub mod scene;
mod sends;
pub mod session;
mod singly;
pub mod statements;
mod talks;
mod told;
pub mod trial;
mod watched;
pub mod wire;
