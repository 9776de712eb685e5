//! What providers send: verify → resolve the tenant → normalize → store → 200.

pub mod slack;

/// Channel, app id ('' is the platform's own) and the provider's id of the workspace.
pub type RouteKey = (&'static str, String, String);
