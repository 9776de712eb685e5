//! The worker's jobs over a real PostgreSQL, with the simulated Slack and a mail server of four commands.
//!
//! `stage` holds what the tests play on, `post_office` is the mail server.

mod post_office;
mod stage;

mod analytics;
mod mails;
mod own_systems;
mod reminders;
mod rotation;
