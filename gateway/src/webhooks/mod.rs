//! What providers send: verify → resolve the tenant → normalize → store → 200.

pub mod slack;
pub mod slack_event;
pub mod slack_text;

/// Channel, app id ('' is the platform's own) and the provider's id of the workspace.
pub type RouteKey = (&'static str, String, String);
