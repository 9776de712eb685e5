//! Shared, on a real PostgreSQL: the message machinery, memory, jobs, audit and the start-up self-check.
//!
//! Every test has a database of its own and connects as the roles a service uses, so row-level security is on. A name
//! that begins with `attack_` carries the number of its case in the threat model.

mod analytics;
mod asks_for_human;
mod audit;
mod audit_chain;
mod billing;
mod budgets;
mod cancelled_begin;
mod changes;
mod contention;
mod crowds;
mod currencies;
mod data_keys;
mod facts;
mod happenings;
mod ingest;
mod ingest_order;
mod interruptions;
mod keys;
mod lane_model;
mod lane_properties;
mod lane_steps;
mod lane_turns;
mod lane_world;
mod lanes;
mod mails;
mod memories;
mod messages;
mod pacer;
mod presence;
mod privacy;
mod queue;
mod rotation;
mod runs;
mod runs_refused;
mod schema;
mod sounding;
mod stage;
mod summaries;
