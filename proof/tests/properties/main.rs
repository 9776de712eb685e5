//! Properties across crates, tried with random inputs and shrunk to the shortest that breaks them.
//!
//! `PROPTEST_CASES=2000` tries more. The lanes' own are in `shared/tests/it/lane_properties.rs`.

mod outbox;
mod slack_script;
