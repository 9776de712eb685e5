//! What providers send: verify → resolve the tenant → normalize → store → 200.

mod aside;
mod body;
mod news;
mod refusal;
pub mod reports;
pub mod slack;
mod slack_acts;
mod slack_changes;
pub mod slack_command;
mod slack_desk;
mod slack_ending;
pub mod slack_form;
pub mod slack_interaction;
mod slack_signature;
mod slack_stop;
mod slack_store;
pub mod stripe;
pub mod whatsapp;
pub mod whatsapp_event;
#[cfg(test)]
mod whatsapp_golden;
mod whatsapp_routes;
pub mod whatsapp_row;
mod whatsapp_store;
mod whatsapp_words;

use serde::Deserialize;
use shared::ids::{ConnectionId, TenantId};
use url::Url;

/// Whose address was called, as [`own_url`] writes it.
#[derive(Clone, Copy, Deserialize)]
pub struct Addressee {
    tenant: TenantId,
    connection: ConnectionId,
}

/// The address that a connection's own app calls.
pub fn own_url(public: &Url, path: &str, tenant: TenantId, connection: ConnectionId) -> String {
    format!("{public}{path}?tenant={tenant}&connection={connection}")
}

/// Channel, app id ('' is the platform's own) and the provider's id of the workspace.
pub type RouteKey = (&'static str, String, String);
