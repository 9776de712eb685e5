//! The product under fault: processes to kill, a PostgreSQL and a Redis to stop, lines to cut.
//!
//! | file | is |
//! |---|---|
//! | `house.rs` | [`House`]: an installation of its own, from database to simulated providers, gone when dropped |
//! | `processes.rs` | [`Process`]: one `konstruct` role, to be killed, frozen, stopped and started |
//! | `postgres.rs`, `redis.rs` | a server of its own, to be stopped, started and emptied |
//! | `outcome.rs` | [`Outcome`]: what a fault run found |
//! | `proxy.rs` | [`Proxy`]: what can go wrong on a line between two processes |
//! | `plan.rs` | what breaks when: a seed is a schedule |
//! | `driver.rs`, `driver_…rs` | one run: people speak, things break, everything is written down, then judged |
//! | `ledger.rs` | what was sent, how it was answered, and what users saw |
//! | `invariants.rs`, `invariants_…rs` | what must hold, as functions over ledger, database and samples |
//!
//! Nothing here touches the servers of the checkout, and nothing outlives the test: a child dies with the thread that
//! started it, so a house must be opened where the test runs, not on a thread that ends earlier.

pub mod driver;
mod driver_faults;
mod driver_report;
pub mod driver_runs;
mod driver_traffic;
pub mod house;
pub mod invariants;
mod invariants_bounds;
mod invariants_messages;
#[cfg(test)]
mod invariants_planted;
mod invariants_replies;
mod invariants_samples;
mod invariants_stored;
pub mod ledger;
pub mod outcome;
pub mod plan;
pub mod postgres;
pub mod processes;
pub mod proxy;
pub mod redis;

pub use driver_report::Report;
pub use house::{House, Layout, Service, Tenant};
pub use outcome::Outcome;
pub use postgres::Postgres;
pub use processes::{Exit, Process, Role};
pub use proxy::{Fault, Proxy};
pub use redis::Redis;
