//! What is stored of a span of time in a channel, for a look at what its history shows of it.

use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::ids::ConnectionId;

/// Messages of one channel that are compared.
const STORED_MAX: i64 = 2_000;

/// A person's message that is stored and was not taken back, as far as is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub external_id: String,
    pub thread: Option<String>,
    /// The platform's id of its author.
    pub author: String,
    /// The latest edit that is known.
    pub edited_at: Option<OffsetDateTime>,
}

pub async fn stored(
    tx: &mut TenantTx,
    connection: ConnectionId,
    channel: &str,
    (since, until): (OffsetDateTime, OffsetDateTime),
) -> Result<Vec<Stored>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select m.external_id, c.thread_external_id, p.external_id as author,
                greatest(m.edited_at, (select max(e.changed_at) from message_changes e
                                        where e.tenant_id = $1 and e.conversation_id = m.conversation_id
                                          and e.external_id = m.external_id and e.kind = 'edit')) as edited_at
           from conversations c
           join messages m on m.tenant_id = $1 and m.conversation_id = c.conversation_id
           join people p on p.tenant_id = $1 and p.person_id = m.person_id
          where c.tenant_id = $1 and c.connection_id = $2 and c.channel_external_id = $3
            and m.author_kind = 'person' and m.deleted_at is null and m.external_id is not null
            -- What nobody wrote stands in no history of Slack's.
            and left(m.external_id, 4) not in ('apr_', 'fup_', 'rtr_')
            and m.sent_at between $4 and $5
          order by m.sent_at desc
          limit $6",
    )
    .bind(tenant)
    .bind(connection)
    .bind(channel)
    .bind(since)
    .bind(until)
    .bind(STORED_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Stored {
                external_id: row.try_get("external_id")?,
                thread: row.try_get("thread_external_id")?,
                author: row.try_get("author")?,
                edited_at: row.try_get("edited_at")?,
            })
        })
        .collect()
}
