//! Conversations that belong together: by the tags that operators gave them, and by what was said in them.
//!
//! Operators read every conversation of their tenant, so what they are shown here crosses audiences; no agent is shown any of
//! it. Meaning needs an all-audiences transaction.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::Row;

use super::super::{
    DbError, TenantTx,
    audit::{self, Actor},
};
use crate::{embedding, ids::ConversationId};

/// Of one conversation.
pub const TAGS_MAX: usize = 20;
/// Memories nearest to what the conversation is about that are looked at, and conversations that are named.
const NEAREST: i64 = 200;
const RELATED_MAX: i64 = 10;

/// The tags, by name.
pub async fn tags(tx: &mut TenantTx, conversation: ConversationId) -> Result<Vec<String>, DbError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_scalar(
        "select tag from conversation_tags where tenant_id = $1 and conversation_id = $2 order by tag",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_all(tx.conn())
    .await?)
}

/// Puts these in place of the conversation's tags; recorded if that changes any. [`DbError::NotFound`]: there is no such
/// conversation.
pub async fn tag(
    tx: &mut TenantTx,
    actor: &Actor,
    conversation: ConversationId,
    tags: &BTreeSet<String>,
) -> Result<(), DbError> {
    let tenant = tx.tenant();
    // Two who tag at once do so one after the other.
    let locked =
        sqlx::query("select from conversations where tenant_id = $1 and conversation_id = $2 for no key update")
            .bind(tenant)
            .bind(conversation)
            .fetch_optional(tx.conn())
            .await?;
    if locked.is_none() {
        return Err(DbError::NotFound);
    }
    let wanted: Vec<&str> = tags.iter().map(String::as_str).collect();
    let removed = sqlx::query(
        "delete from conversation_tags where tenant_id = $1 and conversation_id = $2 and tag <> all ($3)",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(&wanted)
    .execute(tx.conn())
    .await?;
    let added = sqlx::query(
        "insert into conversation_tags (tenant_id, conversation_id, tag, created_by)
         select $1, $2, tag, $4 from unnest($3::text[]) as tag
         on conflict do nothing",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(&wanted)
    .bind(actor.id())
    .execute(tx.conn())
    .await?;
    if removed.rows_affected() + added.rows_affected() > 0 {
        let target = ("conversation", conversation.to_string());
        let detail = json!({ "tags": wanted });
        audit::append(tx, actor, "conversation.tag", (target.0, &target.1), detail).await?;
    }
    Ok(())
}

/// A conversation that belongs to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    pub id: ConversationId,
    /// What both are tagged with.
    pub tags: Vec<String>,
    /// How near the nearest thing said there is to what this one is about: the cosine, of 1 at most. `None`: it is not among
    /// the nearest.
    pub nearness: Option<f64>,
    /// The beginning of what was said there.
    pub excerpt: Option<String>,
}

/// What a conversation is about is the mean of what was said in it. Vectors of another model are never compared.
const RELATED: &str = "
with here as (
    select avg(m.embedding) as vector from memories m
     where m.tenant_id = $1 and m.stretch_id = $2 and m.kind = 'message' and m.model = $3 and m.embedding is not null
), near as (
    select m.conversation_id, 1 - (m.embedding <=> here.vector) as nearness, m.body
      from here
      join memories m on m.tenant_id = $1 and m.kind = 'message' and m.model = $3 and m.embedding is not null
                     and m.conversation_id <> $2
     where here.vector is not null and l2_norm(here.vector) > 0
     order by m.embedding <=> here.vector limit $4
), meant as (
    select distinct on (conversation_id) conversation_id, nearness, body
      from near where nearness <> 'NaN' order by conversation_id, nearness desc
), tagged as (
    select other.conversation_id, array_agg(other.tag order by other.tag) as tags
      from conversation_tags own
      join conversation_tags other on other.tenant_id = $1 and other.tag = own.tag and other.conversation_id <> $2
     where own.tenant_id = $1 and own.conversation_id = $2
     group by other.conversation_id
)
select conversation_id, coalesce(t.tags, '{}') as tags, m.nearness, left(m.body, 280) as excerpt
  from tagged t full join meant m using (conversation_id)
 order by cardinality(coalesce(t.tags, '{}')) desc, m.nearness desc nulls last, conversation_id
 limit $5";

/// Those with the same tags first, then the nearest.
pub async fn related(tx: &mut TenantTx, conversation: ConversationId) -> Result<Vec<Related>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(RELATED)
        .bind(tenant)
        .bind(conversation)
        .bind(embedding::MODEL)
        .bind(NEAREST)
        .bind(RELATED_MAX)
        .fetch_all(tx.conn())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Related {
                id: row.try_get("conversation_id")?,
                tags: row.try_get("tags")?,
                nearness: row.try_get("nearness")?,
                excerpt: row.try_get("excerpt")?,
            })
        })
        .collect()
}
