//! The simulators behave as the providers do: refusals, signatures, retries, streams, and faults on cue.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod events;
mod faults;
mod harness;
mod memory;
mod model_faults;
mod oauth;
mod refusals;
mod slack_api;
mod slack_streams;
mod streaming;
mod transcripts;
mod whatsapp;
mod whims;
