//! Channels: what the platform tells about them.
//!
//! Whatever makes a channel narrower narrows who may be reminded of what was said there; nothing ever widens it but the first
//! word about a channel that nobody had told us of.

use serde::Serialize;
use sqlx::Row;

use super::{Audience, DbError, TenantTx};
use crate::{
    ids::{ConnectionId, MessageId},
    message::ChannelKind,
};

/// Whether the agent can be talked to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// The agent is no member.
    Left,
    Archived,
    Deleted,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Left => "left",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
        }
    }
}

/// What the platform says of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub kind: ChannelKind,
    pub name: String,
    /// People of other companies read along.
    pub shared: bool,
    pub state: State,
}

/// A channel as an operator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Channel {
    pub connection: ConnectionId,
    pub external_id: String,
    pub name: String,
    pub kind: String,
    pub state: String,
    pub shared: bool,
}

/// Records what the platform says, for an all-audiences transaction. A channel that turns out to be public opens what was
/// said there to the whole tenant; until then it was kept to the channel. So does what was stored in doubt beside the
/// first word about the channel. Returns whether all of it opened now.
pub async fn describe(
    tx: &mut TenantTx,
    connection: ConnectionId,
    channel: &str,
    told: &Described,
    in_doubt: &[MessageId],
) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let known: Option<String> = sqlx::query_scalar(
        "select kind from channels where tenant_id = $1 and connection_id = $2 and external_id = $3 for update",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .fetch_optional(tx.conn())
    .await?;
    sqlx::query(
        "insert into channels (tenant_id, connection_id, external_id, kind, name, shared, state)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, connection_id, external_id) do update
            set kind = excluded.kind, name = excluded.name, shared = excluded.shared, state = excluded.state",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .bind(told.kind.as_str())
    .bind(&told.name)
    .bind(told.shared)
    .bind(told.state.as_str())
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "update conversations set kind = $4
          where tenant_id = $1 and connection_id = $2 and channel_external_id = $3 and kind <> $4",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .bind(told.kind.as_str())
    .execute(tx.conn())
    .await?;
    let open = told.kind == ChannelKind::Public && !told.shared;
    if !open {
        narrow(tx, connection, channel).await?;
        return Ok(false);
    }
    let opens = known.is_none_or(|kind| ChannelKind::parse(&kind) == ChannelKind::Unknown);
    if opens || !in_doubt.is_empty() {
        widen(tx, connection, channel, (!opens).then_some(in_doubt)).await?;
    }
    Ok(opens)
}

/// `only`: of these messages, or of all.
async fn widen(
    tx: &mut TenantTx,
    connection: ConnectionId,
    channel: &str,
    only: Option<&[MessageId]>,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update memories set audience = $3
          where tenant_id = $1 and audience = $2 and ($4::uuid[] is null or message_id = any ($4))",
    )
    .bind(tenant)
    .bind(Audience::Channel(connection, channel.to_owned()).to_string())
    .bind(Audience::Tenant.to_string())
    .bind(only)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What the whole tenant could be reminded of stays in the channel from now on. For an all-audiences transaction.
async fn narrow(tx: &mut TenantTx, connection: ConnectionId, channel: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with place as (
             select conversation_id from conversations
              where tenant_id = $1 and connection_id = $2 and channel_external_id = $3
         ), said as (
             update memories m set audience = $4
               from place c
              where m.tenant_id = $1 and m.stretch_id = c.conversation_id and m.audience = $5
             returning m.message_id
         )
         -- A fact is never told to more people than any message it comes from.
         update memories f set audience = $4
           from fact_sources s
           join said on said.message_id = s.message_id
          where s.tenant_id = $1 and f.tenant_id = $1 and f.memory_id = s.memory_id and f.audience = $5",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .bind(Audience::Channel(connection, channel.to_owned()).to_string())
    .bind(Audience::Tenant.to_string())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether anybody spoke with the agent in a channel, or decided about it.
pub async fn is_known(tx: &mut TenantTx, connection: ConnectionId, channel: &str) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select exists (select from channels where tenant_id = $1 and connection_id = $2 and external_id = $3)",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .fetch_one(tx.conn())
    .await?)
}

/// The channels somebody spoke in or decided about, no direct messages, at most 500.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<Channel>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select connection_id, external_id, name, kind, state, shared from channels
          where tenant_id = $1 and kind <> 'direct'
          order by connection_id, name, external_id limit 500",
    )
    .bind(tenant)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Channel {
                connection: row.try_get("connection_id")?,
                external_id: row.try_get("external_id")?,
                name: row.try_get("name")?,
                kind: row.try_get("kind")?,
                state: row.try_get("state")?,
                shared: row.try_get("shared")?,
            })
        })
        .collect()
}

/// What the worker must know of a channel to read what was said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub kind: String,
    pub shared: bool,
    /// In which the agent may take part, newest first.
    pub threads: Vec<String>,
}

/// Channels of a connection in which the agent can be talked to, direct ones included, at most 1,000.
pub async fn open_ones(tx: &mut TenantTx, connection: ConnectionId) -> Result<Vec<String>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select external_id from channels
          where tenant_id = $1 and connection_id = $2 and state = 'open'
          order by external_id limit 1000",
    )
    .bind(tenant)
    .bind(connection)
    .fetch_all(tx.conn())
    .await?)
}

/// A channel with at most `threads` of its threads; `None`: nobody knows it.
pub async fn place(
    tx: &mut TenantTx,
    connection: ConnectionId,
    channel: &str,
    threads: i64,
) -> Result<Option<Place>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select c.kind, c.shared,
                array(select v.thread_external_id from conversations v
                       where v.tenant_id = $1 and v.connection_id = $2 and v.channel_external_id = $3
                         and v.thread_external_id is not null
                       order by v.last_message_at desc limit $4) as threads
           from channels c
          where c.tenant_id = $1 and c.connection_id = $2 and c.external_id = $3",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .bind(threads)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Place { kind: row.try_get("kind")?, shared: row.try_get("shared")?, threads: row.try_get("threads")? })
    })
    .transpose()
}
