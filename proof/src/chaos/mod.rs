//! The product under fault: processes to kill, a PostgreSQL and a Redis to stop, lines to cut.
//!
//! | file | is |
//! |---|---|
//! | `house.rs` | [`House`]: an installation of its own, from database to simulated providers, gone when dropped |
//! | `processes.rs` | [`Process`]: one `konstruct` role, to be killed, frozen, stopped and started |
//! | `postgres.rs`, `redis.rs` | a server of its own, to be stopped, started and emptied |
//! | `outcome.rs` | [`Outcome`]: what a fault run found |
//! | `proxy.rs` | [`Proxy`]: what can go wrong on a line between two processes |
//!
//! Nothing here touches the servers of the checkout, and nothing outlives the test: a child dies with the thread that
//! started it, so a house must be opened where the test runs, not on a thread that ends earlier.

pub mod house;
pub mod outcome;
pub mod postgres;
pub mod processes;
pub mod proxy;
pub mod redis;

pub use house::{House, Layout, Service, Tenant};
pub use outcome::Outcome;
pub use postgres::Postgres;
pub use processes::{Exit, Process, Role};
pub use proxy::{Fault, Proxy};
pub use redis::Redis;
