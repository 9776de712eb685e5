//! People who talk to agents, and the channels they talk in.

use sqlx::Row;

use super::{Audience, DbError, TenantTx};
use crate::{
    ids::{ConnectionId, PersonId},
    message::ChannelKind,
};

#[derive(Clone, Debug)]
pub struct Person {
    pub connection: ConnectionId,
    pub external_id: String,
    pub profile_known: bool,
}

pub async fn find(tx: &mut TenantTx, id: PersonId) -> Result<Option<Person>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "select connection_id, external_id, profile_fetched_at is not null as known
           from people where tenant_id = $1 and person_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Person {
            connection: row.try_get("connection_id")?,
            external_id: row.try_get("external_id")?,
            profile_known: row.try_get("known")?,
        })
    })
    .transpose()
}

/// People whose names contain one of these words (lower case), with the word; at most 50.
pub async fn named(tx: &mut TenantTx, words: &[String]) -> Result<Vec<(PersonId, String)>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select p.person_id, w.word
           from people p
           cross join lateral regexp_split_to_table(lower(p.display_name), '[^[:alnum:]]+') as w (word)
          where p.tenant_id = $1 and w.word = any ($2)
          limit 50",
    )
    .bind(tenant)
    .bind(words)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("person_id")?, row.try_get("word")?))).collect()
}

pub async fn name(tx: &mut TenantTx, id: PersonId, display_name: &str) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update people set display_name = $3, profile_fetched_at = clock_timestamp()
          where tenant_id = $1 and person_id = $2",
    )
    .bind(tenant)
    .bind(id)
    .bind(display_name)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records what the platform says about a channel. A channel that turns out to be public opens what was said there to
/// the whole tenant; until then it was kept to the channel. Needs an all-audiences transaction.
pub async fn describe_channel(
    tx: &mut TenantTx,
    connection: ConnectionId,
    channel: &str,
    kind: ChannelKind,
    name: &str,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "update channels set kind = $4, name = $5 where tenant_id = $1 and connection_id = $2 and external_id = $3",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .bind(kind.as_str())
    .bind(name)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "update conversations set kind = $4
          where tenant_id = $1 and connection_id = $2 and channel_external_id = $3 and kind = 'unknown'",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .bind(kind.as_str())
    .execute(tx.conn())
    .await?;
    if kind == ChannelKind::Public {
        sqlx::query("update memories set audience = $3 where tenant_id = $1 and audience = $2")
            .bind(tenant)
            .bind(Audience::Channel(connection, channel.to_owned()).to_string())
            .bind(Audience::Tenant.to_string())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}
