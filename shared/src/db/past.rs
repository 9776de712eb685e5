//! What was said in past conversations, as a rule would have seen it.

use std::collections::HashMap;

use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::ids::{ConversationId, MessageId};

/// Messages looked at in one conversation, the newest.
const MESSAGES_MAX: i64 = 400;

/// A conversation and what happened in it, oldest first.
#[derive(Clone, Debug)]
pub struct Past {
    pub id: ConversationId,
    pub last_message_at: OffsetDateTime,
    pub lines: Vec<PastLine>,
    /// When answers failed.
    pub failures: Vec<OffsetDateTime>,
    /// When it was given back to the agent after an escalation.
    pub given_back: Vec<OffsetDateTime>,
}

#[derive(Clone, Debug)]
pub struct PastLine {
    pub message: MessageId,
    pub by_person: bool,
    pub by_agent: bool,
    /// It was the agent's to answer, and is no bot's.
    pub asks: bool,
    /// '' of colleagues, and of agents unless their answers are looked at.
    pub body: String,
    pub sent_at: OffsetDateTime,
}

/// What a human had was held, except for what handed it over.
const LINES: &str = "
select m.conversation_id, m.message_id, m.author_kind = 'person' as by_person,
       m.author_kind = 'agent' as by_agent, m.sent_at,
       case when m.author_kind = 'person' or $4 and m.author_kind = 'agent' then m.body else '' end as body,
       coalesce(m.author_kind = 'person' and p.standing <> 'bot' and heard.external_id is not null, false) as asks
  from unnest($2::uuid[]) as c (conversation_id)
 cross join lateral (
    select m.* from messages m
     where m.tenant_id = $1 and m.conversation_id = c.conversation_id and m.deleted_at is null
     order by m.sent_at desc, m.message_id desc limit $3
 ) m
  left join people p on p.tenant_id = $1 and p.person_id = m.person_id
  left join (
    select distinct i.conversation_id, i.normalized ->> 'external_id' as external_id from inbox i
     where i.tenant_id = $1 and i.conversation_id = any($2)
       and (i.state not in ('ignored', 'held')
            or i.state = 'held' and exists (
                select from escalations e join messages t on t.tenant_id = $1 and t.message_id = e.message_id
                 where e.tenant_id = $1 and e.conversation_id = i.conversation_id
                   and t.external_id = i.normalized ->> 'external_id'))
  ) heard on heard.conversation_id = m.conversation_id and heard.external_id = m.external_id
 order by m.conversation_id, m.sent_at, m.message_id";

/// Conversations before this one, the latest first; with what the agents answered, if that is looked at.
pub async fn conversations(
    tx: &mut TenantTx,
    before: Option<(OffsetDateTime, ConversationId)>,
    limit: i64,
    answers: bool,
) -> Result<Vec<Past>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select conversation_id, last_message_at from conversations
          where tenant_id = $1 and ($2::timestamptz is null or (last_message_at, conversation_id) < ($2, $3))
          order by last_message_at desc, conversation_id desc limit $4",
    )
    .bind(tenant)
    .bind(before.map(|(at, _)| at))
    .bind(before.map(|(_, id)| id))
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    let mut past = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, last_message_at) = (row.try_get("conversation_id")?, row.try_get("last_message_at")?);
        past.push(Past { id, last_message_at, lines: Vec::new(), failures: Vec::new(), given_back: Vec::new() });
    }
    let ids: Vec<ConversationId> = past.iter().map(|past| past.id).collect();
    let places: HashMap<ConversationId, usize> = ids.iter().enumerate().map(|(n, id)| (*id, n)).collect();
    let lines =
        sqlx::query(LINES).bind(tenant).bind(&ids).bind(MESSAGES_MAX).bind(answers).fetch_all(tx.conn()).await?;
    for row in &lines {
        let line = PastLine {
            message: row.try_get("message_id")?,
            by_person: row.try_get("by_person")?,
            by_agent: row.try_get("by_agent")?,
            asks: row.try_get("asks")?,
            body: row.try_get("body")?,
            sent_at: row.try_get("sent_at")?,
        };
        past[places[&row.try_get::<ConversationId, _>("conversation_id")?]].lines.push(line);
    }
    let marks = sqlx::query(
        "select conversation_id, finished_at as at, true as failed from runs
          where tenant_id = $1 and conversation_id = any($2) and state = 'failed' and finished_at is not null
         union all
         select conversation_id, closed_at, false from escalations
          where tenant_id = $1 and conversation_id = any($2) and closed_at is not null",
    )
    .bind(tenant)
    .bind(&ids)
    .fetch_all(tx.conn())
    .await?;
    for row in &marks {
        let of = &mut past[places[&row.try_get::<ConversationId, _>("conversation_id")?]];
        let marks = if row.try_get("failed")? { &mut of.failures } else { &mut of.given_back };
        marks.push(row.try_get("at")?);
    }
    Ok(past)
}
