//! Providers that can misbehave on cue: what development, `make up` and the tests talk to instead of the real
//! ones.
//!
//! | file | is |
//! |---|---|
//! | `slack.rs`, `slack/` | Slack's Web API under `/api/`, its signed events, and control under `/_sim/` |
//! | `whatsapp.rs`, `whatsapp/` | Meta's Graph API as far as WhatsApp needs it, its signed webhooks, and control
//! under `/_sim/` |
//! | `stripe.rs`, `stripe/` | Stripe's API as far as subscriptions need it, its two pages, and its signed webhooks |
//! | `model.rs`, `model/` | an OpenAI-compatible model that knows only what its prompt says |
//! | `oidc.rs` | a provider of OpenID Connect whose tokens can be wrong in every way |
//! | `desk.rs` `toolbox.rs` | a web service that tools call; a server that brings tools along |
//! | `own_system.rs` | a tenant's own system that is told by webhook |
//! | `faults.rs` | what should go wrong, and when; the same rules for every simulator |
//! | `previews.rs` | what platforms fetch because a message names it |
//! | `server.rs` | the HTTP server below them, which can also cut a connection without a word |
//!
//! Everything is in memory and dies with the simulator. Nothing here depends on the product: signatures,
//! limits and error words are written down a second time on purpose, so that a mistake in the product is not
//! mirrored.

mod clock;
mod control;
mod desk;
mod faults;
mod form;
mod model;
mod oidc;
mod own_system;
mod previews;
mod server;
mod slack;
mod stripe;
mod toolbox;
mod whatsapp;

pub use desk::{DeskSimulator, Manner};
pub use faults::{Chance, FaultKind, FaultRule, FaultStatus, Faults};
pub use model::{ModelOptions, ModelRequest, ModelSimulator, SimulatedCall};
pub use oidc::{OidcPerson, OidcSimulator, Twist};
pub use own_system::OwnSystemSimulator;
pub use slack::{
    AppSetup, AuthorKind, ChannelSetup, ChannelType, Click, ClockMove, Command, Decision, Delete, DeliveryFaults,
    Dialog, Edit, EventOut, FileSeen, FileUp, HistoryEntry, HistoryKind, OptionsPatch, PersonSetup, Raw,
    RawOutcome, React, Reaction, Revoke, Said, Say, Serve, Session, Shortcut, SlackOptions, SlackSimulator, Stop,
    StreamState, Submit, TranscriptEntry, Uninstall, Whisper, signature, team_of,
};
pub use stripe::{StripeMove, StripeOptions, StripePrice, StripeSimulator, stripe_signature};
pub use toolbox::ToolboxSimulator;
pub use whatsapp::{
    Ids, Pace, PhoneEntry, WhatsAppEcho, WhatsAppHistory, WhatsAppOptions, WhatsAppOptionsPatch, WhatsAppSaid,
    WhatsAppSay, WhatsAppSimulator, account_of, number_of, user_id_of, whatsapp_signature,
};
