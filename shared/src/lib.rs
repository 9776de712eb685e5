//! What two of the processes need: the map of this crate. A thing enters only when two processes use it.
//!
//! | room | what |
//! |---|---|
//! | [`ids`] [`clock`] [`config`] [`crypto`] | values: typed ids, time, the environment, sealed secrets |
//! | [`message`] [`jobs`] | what travels between processes |
//! | [`db`] | the only door to PostgreSQL: `Db → TenantDb → TenantTx`, `SystemTx` for the listed rest |
//! | [`queue`] [`live`] [`limits`] | background jobs (apalis), wake-ups and counted tries (Redis: only what may be lost) |
//! | [`channels`] [`egress`] [`network`] | Slack and WhatsApp; the way out of the house; networks of addresses |
//! | [`model_check`] | tries a tenant's own model key |
//! | [`sheets`] | cells of tables for spreadsheets |
//! | [`oidc`] | signing in by a provider of OpenID Connect |
//! | [`stripe`] | where plans are sold: calls, events, signature |
//! | [`slack_tokens`] | Slack's tokens, renewed before they run out |
//! | [`pacer`] | how often a channel is written to |
//! | [`embedding`] [`transcription`] [`storage`] | text → vector; speech → text; the bytes of files |
//! | [`presence`] [`providers`] | which processes are alive; how providers answer them |
//! | [`telemetry`] [`health`] | logs, traces, metrics; `/healthz`, `/readyz`, `/metrics` of every role |
//! | [`crash`] | where a test build can be made to abort |

pub mod channels;
pub mod checkpoints;
pub mod clock;
pub mod conditions;
pub mod config;
pub mod crash;
pub mod crypto;
pub mod db;
pub mod dialect;
pub mod egress;
pub mod embedding;
pub mod health;
pub mod hours;
pub mod ids;
pub mod jobs;
pub mod limits;
pub mod live;
pub mod mcp;
pub mod message;
pub mod model_check;
pub mod network;
pub mod oidc;
pub mod pacer;
pub mod presence;
pub mod providers;
pub mod queue;
pub(crate) mod redis_address;
pub mod sheets;
pub mod slack_follow;
pub mod slack_tokens;
pub mod standard_webhooks;
pub mod storage;
pub mod stripe;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tools;
pub mod transcription;

/// A name for this process that no earlier or other process had: role, host, process id and a random part.
pub fn process_name(role: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let random = hex::encode(crypto::random_bytes::<6>());
    format!("{role}-{}-{}-{random}", host.trim(), std::process::id())
}
