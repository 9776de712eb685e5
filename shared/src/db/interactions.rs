//! What people do besides writing: buttons, commands, dialogs. One row each, stored before the platform is answered.
//!
//! The identity is what the platform gives out once per act, so that a request that is sent again acts once.

use serde::{Deserialize, Serialize};
use sqlx::{Row, types::Json};
use uuid::Uuid;

use super::{DbError, TenantTx};
use crate::ids::{ConnectionId, InteractionId, RunId};

/// An act as the gateway read it.
pub struct New<'a> {
    pub connection: ConnectionId,
    pub identity: Uuid,
    /// The name of what was done, such as `feedback`.
    pub act: &'a str,
    /// The platform's id of who did it.
    pub user: &'a str,
    /// The platform's id of where; '' in no channel.
    pub channel: &'a str,
    pub raw: &'a [u8],
    pub detail: &'a Detail,
}

/// What the rest of the work needs to know, and what a dialog refers back to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Of the message that is asked about: its author and its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<(String, String)>,
    /// Where the platform takes an answer for half an hour, also in channels the app is not in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_url: Option<String>,
}

/// How an act ends, or that it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A job does the rest.
    Pending,
    Done,
    /// The person may not do that, or not there.
    Refused(&'static str),
    /// Nothing we know.
    Ignored(&'static str),
}

impl State {
    fn parts(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Pending => ("pending", None),
            Self::Done => ("done", None),
            Self::Refused(reason) => ("refused", Some(reason)),
            Self::Ignored(reason) => ("ignored", Some(reason)),
        }
    }
}

/// A stored act.
#[derive(Clone, Debug)]
pub struct Interaction {
    pub id: InteractionId,
    pub connection: ConnectionId,
    pub act: String,
    pub user: String,
    pub channel: String,
    pub detail: Detail,
    /// Times a job began with it, this one included.
    pub attempts: i32,
}

/// Stores the act. `None`: it was stored before, and everything it should do is done or under way.
pub async fn store(tx: &mut TenantTx, new: &New<'_>, state: State) -> Result<Option<InteractionId>, DbError> {
    let (tenant, (state, reason)) = (tx.tenant(), state.parts());
    let id = sqlx::query_scalar(
        "insert into interactions (tenant_id, interaction_id, connection_id, identity, act, external_user,
                                   channel_external_id, raw, detail, state, reason, ended_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when $10 <> 'pending' then clock_timestamp() end)
         on conflict do nothing
         returning interaction_id",
    )
    .bind(tenant)
    .bind(InteractionId::new())
    .bind(new.connection)
    .bind(new.identity)
    .bind(new.act)
    .bind(new.user)
    .bind(new.channel)
    .bind(new.raw)
    .bind(Json(new.detail))
    .bind(state)
    .bind(reason)
    .fetch_optional(tx.conn())
    .await?;
    Ok(id)
}

/// What a dialog refers back to, if this person opened it.
pub async fn opened_by(
    tx: &mut TenantTx,
    connection: ConnectionId,
    id: InteractionId,
    act: &str,
    user: &str,
) -> Result<Option<Interaction>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select interaction_id, connection_id, act, external_user, channel_external_id, detail, attempts
           from interactions
          where tenant_id = $1 and interaction_id = $2 and connection_id = $3 and act = $4 and external_user = $5",
    )
    .bind(tenant)
    .bind(id)
    .bind(connection)
    .bind(act)
    .bind(user)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| interaction(&row)).transpose()
}

/// Whether this person did the same a moment ago: the first click of a double click. Somebody must hold them back meanwhile,
/// as `people::meet` does.
pub async fn is_repeated(
    tx: &mut TenantTx,
    connection: ConnectionId,
    act: &str,
    user: &str,
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select exists (
             select from interactions
              where tenant_id = $1 and connection_id = $2 and external_user = $3 and act = $4
                and received_at > clock_timestamp() - interval '10 seconds')",
    )
    .bind(tenant)
    .bind(connection)
    .bind(user)
    .bind(act)
    .fetch_one(tx.conn())
    .await?)
}

/// Counts an attempt to do the rest of it. `None`: that is done, or given up.
pub async fn begin_attempt(tx: &mut TenantTx, id: InteractionId) -> Result<Option<Interaction>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "update interactions set attempts = attempts + 1
          where tenant_id = $1 and interaction_id = $2 and state = 'pending'
         returning interaction_id, connection_id, act, external_user, channel_external_id, detail, attempts",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| interaction(&row)).transpose()
}

pub async fn end(tx: &mut TenantTx, id: InteractionId, state: State) -> Result<(), DbError> {
    let (tenant, (state, reason)) = (tx.tenant(), state.parts());
    sqlx::query(
        "update interactions set state = $3, reason = $4, ended_at = clock_timestamp()
          where tenant_id = $1 and interaction_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(state)
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn interaction(row: &sqlx::postgres::PgRow) -> Result<Interaction, DbError> {
    let Json(detail) = row.try_get("detail")?;
    Ok(Interaction {
        id: row.try_get("interaction_id")?,
        connection: row.try_get("connection_id")?,
        act: row.try_get("act")?,
        user: row.try_get("external_user")?,
        channel: row.try_get("channel_external_id")?,
        detail,
        attempts: row.try_get("attempts")?,
    })
}
