//! WhatsApp numbers of a tenant: connecting them, and what Meta tells about their account and people.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    connections::{self, Connection},
    data_keys, dead_connections,
    interruptions::{self, Cause},
    people,
    plans::{self, Addition},
    takeovers,
};
use crate::{
    crypto::{Keyring, Place},
    ids::{ConnectionId, ConversationId, MessageId, TenantId},
};

/// How routes name a number that reports through the customer's own app.
pub const OWN_APP: &str = "own";
const TAKEN: &str =
    "This number is already connected. Disconnect it where it is connected now, or use your own Meta app.";

/// A checked WhatsApp number, about to be stored.
pub struct NewNumber {
    pub phone_number_id: String,
    /// The WhatsApp Business account, if it is known already; '' otherwise.
    pub account_id: String,
    pub display_name: String,
    pub access_token: SecretString,
    pub own_app: Option<OwnApp>,
}

/// The customer's own Meta app.
pub struct OwnApp {
    /// Signs its webhooks.
    pub secret: SecretString,
    pub verify_token: SecretString,
}

/// What Meta tells besides messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A person goes by another id from now on.
    Moved { previous: String, current: String, phone: Option<String> },
    Template {
        name: String,
        language: String,
        category: Option<String>,
        status: String,
        reason: Option<String>,
        at: OffsetDateTime,
    },
    /// The account no longer lets us in.
    Gone { reason: String },
}

/// A message that a colleague wrote to a person on the business's own phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    pub external_id: String,
    /// '' if it says nothing that can be shown.
    pub text: String,
    pub at: OffsetDateTime,
}

fn verify_token_place(tenant: TenantId, connection: ConnectionId) -> Place {
    Place { tenant: Some(tenant), table: "channel_connections", column: "verify_token", row: connection.uuid() }
}

/// Stores or renews the tenant's connection to a number, and its route. A number that another tenant already connected is
/// refused, never taken over.
pub async fn connect(tx: &mut TenantTx, keys: &Keyring, new: &NewNumber) -> Result<Connection, DbError> {
    let tenant = tx.tenant();
    let app_id = if new.own_app.is_some() { OWN_APP } else { "" };
    let known: Option<ConnectionId> = sqlx::query_scalar(
        "select connection_id from channel_connections
          where tenant_id = $1 and channel = 'whatsapp' and app_id = $2 and external_id = $3 for update",
    )
    .bind(tenant)
    .bind(app_id)
    .bind(&new.phone_number_id)
    .fetch_optional(tx.conn())
    .await?;
    if known.is_none() {
        plans::make_room(tx, Addition::Channel).await?;
    }
    let id = known.unwrap_or_else(ConnectionId::new);
    let key = data_keys::sealing(tx, keys).await?;
    let seal = |place: &Place, secret: &SecretString| key.seal(place, secret.expose_secret().as_bytes());
    let own = new.own_app.as_ref();
    let row = sqlx::query(
        "insert into channel_connections (tenant_id, connection_id, channel, external_id, app_id, bot_user_id,
                                          display_name, access_token, signing_secret, verify_token, account_id)
         values ($1, $2, 'whatsapp', $3, $4, '', $5, $6, $7, $8, $9)
         on conflict (tenant_id, connection_id) do update
            set display_name = excluded.display_name, access_token = excluded.access_token,
                signing_secret = excluded.signing_secret, verify_token = excluded.verify_token,
                account_id = coalesce(nullif(excluded.account_id, ''), channel_connections.account_id),
                status = 'active', dead_reason = null
         returning connection_id, channel, external_id, app_id, bot_user_id, display_name, status, created_at",
    )
    .bind(tenant)
    .bind(id)
    .bind(&new.phone_number_id)
    .bind(app_id)
    .bind(&new.display_name)
    .bind(seal(&connections::token_place(tenant, id), &new.access_token))
    .bind(own.map(|own| seal(&connections::secret_place(tenant, id), &own.secret)))
    .bind(own.map(|own| seal(&verify_token_place(tenant, id), &own.verify_token)))
    .bind(&new.account_id)
    .fetch_one(tx.conn())
    .await?;
    if known.is_none() {
        route(tx, id, app_id, new).await?;
    }
    connections::connection(&row)
}

async fn route(tx: &mut TenantTx, id: ConnectionId, app_id: &str, new: &NewNumber) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into connection_routes (tenant_id, connection_id, channel, app_id, external_id, bot_user_id, bot_id,
                                        account_id)
         values ($1, $2, 'whatsapp', $3, $4, '', '', $5)",
    )
    .bind(tenant)
    .bind(id)
    .bind(app_id)
    .bind(&new.phone_number_id)
    .bind(&new.account_id)
    .execute(tx.conn())
    .await
    .map_err(|error| DbError::from(error).on_constraint("connection_routes_pkey", TAKEN))?;
    Ok(())
}

/// Notes which account a number belongs to, as a webhook told.
pub async fn note_account(tx: &mut TenantTx, id: ConnectionId, account: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with connection as (
             update channel_connections set account_id = $3
              where tenant_id = $1 and connection_id = $2 and channel = 'whatsapp'
         )
         update connection_routes set account_id = $3
          where tenant_id = $1 and connection_id = $2 and channel = 'whatsapp'",
    )
    .bind(tenant)
    .bind(id)
    .bind(account)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The word that Meta repeats when an own app's webhook is registered.
pub async fn verify_token(
    tx: &mut TenantTx,
    keys: &Keyring,
    id: ConnectionId,
) -> Result<Option<SecretString>, DbError> {
    let tenant = tx.tenant();
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "select verify_token from channel_connections where tenant_id = $1 and connection_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .flatten();
    let Some(sealed) = sealed else { return Ok(None) };
    data_keys::open_text(tx, keys, &verify_token_place(tenant, id), &sealed).await.map(Some)
}

/// The account a number belongs to; '' if it is not known yet.
pub async fn account(tx: &mut TenantTx, id: ConnectionId) -> Result<String, DbError> {
    let tenant = tx.tenant();
    sqlx::query_scalar(
        "select account_id from channel_connections
          where tenant_id = $1 and connection_id = $2 and channel = 'whatsapp'",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?
    .ok_or(DbError::NotFound)
}

/// Names the template that is sent outside of the 24 hours, or none.
pub async fn set_fallback(
    tx: &mut TenantTx,
    id: ConnectionId,
    template: Option<(&str, &str)>,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let set = sqlx::query(
        "update channel_connections set fallback_template = $3, fallback_language = $4
          where tenant_id = $1 and connection_id = $2 and channel = 'whatsapp'",
    )
    .bind(tenant)
    .bind(id)
    .bind(template.map(|(name, _)| name))
    .bind(template.map(|(_, language)| language))
    .execute(tx.conn())
    .await?;
    if set.rows_affected() == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// What sending by a number needs besides its token.
#[derive(Clone, Debug)]
pub struct Sending {
    pub phone_number_id: String,
    /// Name and language of the template for people who have not written for 24 hours.
    pub fallback: Option<(String, String)>,
}

/// `None`: the connection is no WhatsApp number.
pub async fn sending(tx: &mut TenantTx, id: ConnectionId) -> Result<Option<Sending>, DbError> {
    let tenant = tx.tenant();
    let found: Option<(String, Option<String>, Option<String>)> = sqlx::query_as(
        "select external_id, fallback_template, fallback_language from channel_connections
          where tenant_id = $1 and connection_id = $2 and channel = 'whatsapp'",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.map(|(phone_number_id, name, language)| Sending { phone_number_id, fallback: name.zip(language) }))
}

/// Applies a change, in an all-audiences transaction. Applying it again changes nothing.
pub async fn apply(tx: &mut TenantTx, connection: ConnectionId, change: &Change) -> Result<(), DbError> {
    match change {
        Change::Moved { previous, current, phone } => {
            people::moved(tx, connection, previous, current, phone.as_deref()).await
        }
        Change::Template { name, language, category, status, reason, at } => {
            let row =
                TemplateRow { name, language, category: category.as_deref(), status, reason: reason.as_deref() };
            store_template(tx, connection, &row, *at).await
        }
        Change::Gone { reason } => {
            dead_connections::bury(tx, connection, reason, None).await?;
            Ok(())
        }
    }
}

/// The colleague has the conversation from now on, and what they wrote is part of it. Again, it changes nothing.
pub async fn written_on_the_phone(
    tx: &mut TenantTx,
    conversation: ConversationId,
    echo: &Echo,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let agent_had_it: Option<bool> = sqlx::query_scalar(
        "select not by_human from lanes where tenant_id = $1 and conversation_id = $2 for no key update",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_optional(tx.conn())
    .await?;
    if agent_had_it == Some(true) {
        interruptions::interrupt(tx, conversation, Cause::TakenOver).await?;
        let (target, detail) = (conversation.to_string(), json!({ "by": "the business's own phone" }));
        audit::append(tx, &Actor::System, "conversation.takeover", ("conversation", &target), detail).await?;
    }
    takeovers::arrive(tx, conversation, &Actor::System).await?;
    sqlx::query(
        "insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, body, sent_at)
         select $1, $3, $2, $4, 'operator', $5, $6
          where $5 <> '' and exists (select from conversations where tenant_id = $1 and conversation_id = $2)
         on conflict (tenant_id, conversation_id, external_id) do nothing",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(MessageId::new())
    .bind(&echo.external_id)
    .bind(&echo.text)
    .bind(echo.at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A template as Meta reports it.
pub struct TemplateRow<'a> {
    pub name: &'a str,
    pub language: &'a str,
    /// `None`: not told.
    pub category: Option<&'a str>,
    pub status: &'a str,
    pub reason: Option<&'a str>,
}

/// Older news than what is known change nothing.
pub async fn store_template(
    tx: &mut TenantTx,
    connection: ConnectionId,
    template: &TemplateRow<'_>,
    at: OffsetDateTime,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "insert into message_templates as t (tenant_id, connection_id, name, language, category, status, reason,
                                             changed_at)
         values ($1, $2, $3, $4, coalesce($5, ''), $6, $7, $8)
         on conflict (tenant_id, connection_id, name, language) do update
            set category = coalesce($5, t.category), status = excluded.status, reason = excluded.reason,
                changed_at = excluded.changed_at
          where t.changed_at <= excluded.changed_at",
    )
    .bind(tenant)
    .bind(connection)
    .bind(template.name)
    .bind(template.language)
    .bind(template.category)
    .bind(template.status)
    .bind(template.reason)
    .bind(at)
    .execute(tx.conn())
    .await?;
    Ok(())
}
