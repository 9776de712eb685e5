//! What was said in a conversation, with what became of it.

use serde::Deserialize;
use sqlx::{Row, types::Json};
use time::OffsetDateTime;

use crate::{
    db::{DbError, TenantTx},
    ids::{ConversationId, MessageId, RunId},
};

/// A message in a conversation.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: MessageId,
    pub author: String,
    pub author_kind: String,
    pub run: Option<RunId>,
    /// '' after it was deleted.
    pub body: String,
    pub sent_at: OffsetDateTime,
    pub edited_at: Option<OffsetDateTime>,
    pub deleted_at: Option<OffsetDateTime>,
    /// Why the answer was broken off. Then the body is what had been shown of it, perhaps nothing.
    pub interrupted: Option<String>,
    /// Files that came along, or that the agent sent.
    pub files: Vec<File>,
    /// Why it is not known to have arrived, if so.
    pub trouble: Option<Trouble>,
}

/// A file beside a message.
#[derive(Clone, Debug, Deserialize)]
pub struct File {
    pub name: String,
    pub content_type: String,
    /// `None`: nobody has said.
    pub size: Option<i64>,
    /// `pending`, `stored`, `refused` or `failed` of one that came; `sent`, `failed` or `unknown` of one that went out.
    pub state: String,
}

/// What is wrong with a message of ours.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// It may be there, or not.
    pub unclear: bool,
    pub reason: String,
}

/// An answer that was broken off is no message, but people saw its beginning: it stands among them under its run's id. One
/// that did not arrive, or perhaps did not, stands among them under its row's.
const MESSAGES: &str = "
select said.message_id, said.author, said.author_kind, said.run_id, said.body, said.sent_at, said.edited_at, said.deleted_at,
       said.interrupted, troubled.state as trouble, troubled.error as trouble_reason,
       (select jsonb_agg(jsonb_build_object('name', f.name, 'content_type', f.content_type, 'size', f.size, 'state', f.state)
                         order by f.part)
          from (select d.part, d.name, coalesce(d.content_type, d.claimed_type) as content_type,
                       coalesce(d.size, d.claimed_size) as size, d.state
                  from media d
                 where d.tenant_id = $1 and d.message_id = said.message_id and said.deleted_at is null
                union all
                select o.part, s.name, s.content_type, s.size,
                       case o.state when 'dead' then 'failed' else o.state end
                  from outbox o
                  join sent_files s on s.tenant_id = o.tenant_id and s.outbox_id = o.outbox_id
                 where o.tenant_id = $1 and o.run_id = said.run_id and o.kind = 'file'
                   and (o.outbox_id = said.message_id or o.external_id = said.external_id)) f) as files
  from (
  (select m.message_id, coalesce(p.display_name, a.name, m.operator_name, '') as author, m.author_kind, m.run_id,
          case when m.deleted_at is null then m.body else '' end as body, m.sent_at, m.edited_at, m.deleted_at,
          null as interrupted, m.external_id
     from messages m
     left join people p on p.tenant_id = m.tenant_id and p.person_id = m.person_id
     left join agents a on a.tenant_id = m.tenant_id and a.agent_id = m.agent_id
    where m.tenant_id = $1 and m.conversation_id = $2 and coalesce(left(m.external_id, 4), '') not in ('apr_', 'fup_', 'rtr_')
      and ($3::timestamptz is null or (m.sent_at, m.message_id) < ($3, $4))
    order by m.sent_at desc, m.message_id desc
    limit $5)
  union all
  (select r.run_id, coalesce(a.name, ''), 'agent', r.run_id, coalesce(shown.body, ''), r.finished_at, null, null,
          coalesce(r.failure, ''), null
     from runs r
     left join agents a on a.tenant_id = r.tenant_id and a.agent_id = r.agent_id
     left join lateral (
       select string_agg(x.text, '' order by o.part, x.n) as body
         from outbox o
         join outbox_parts x on x.tenant_id = o.tenant_id and x.outbox_id = o.outbox_id
        where o.tenant_id = $1 and o.run_id = r.run_id
     ) shown on true
    where r.tenant_id = $1 and r.conversation_id = $2 and r.state = 'dropped' and r.finished_at is not null
      and ($3::timestamptz is null or (r.finished_at, r.run_id) < ($3, $4))
    order by r.finished_at desc, r.run_id desc
    limit $5)
  union all
  (select o.outbox_id, coalesce(a.name, ''), 'agent', o.run_id, coalesce(streamed.body, o.body), o.created_at, null, null,
          null, null
     from outbox o
     left join runs r on r.tenant_id = o.tenant_id and r.run_id = o.run_id
     left join agents a on a.tenant_id = r.tenant_id and a.agent_id = r.agent_id
     left join lateral (
       select string_agg(x.text, '' order by x.n) as body
         from outbox_parts x where x.tenant_id = $1 and x.outbox_id = o.outbox_id
     ) streamed on true
    where o.tenant_id = $1 and o.conversation_id = $2 and o.state in ('dead', 'unknown')
      and o.kind in ('answer', 'apology', 'file')
      -- What had arrived, and is reported as failed since, stands there already.
      and not exists (select from messages m
                       where m.tenant_id = $1 and m.conversation_id = $2 and m.external_id = o.external_id)
      and ($3::timestamptz is null or (o.created_at, o.outbox_id) < ($3, $4))
    order by o.created_at desc, o.outbox_id desc
    limit $5)
  order by sent_at desc, message_id desc
  limit $5) said
  left join lateral (
    select o.state, o.error from outbox o
     where o.tenant_id = $1 and o.conversation_id = $2 and o.state in ('dead', 'unknown')
       and (o.outbox_id = said.message_id or o.external_id = said.external_id)
     limit 1
  ) troubled on true
 order by said.sent_at desc, said.message_id desc";

/// Messages before this one, newest first; from the newest if there is none.
pub async fn messages(
    tx: &mut TenantTx,
    conversation: ConversationId,
    before: Option<(OffsetDateTime, MessageId)>,
    limit: i64,
) -> Result<Vec<Message>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(MESSAGES)
        .bind(tenant)
        .bind(conversation)
        .bind(before.map(|(at, _)| at))
        .bind(before.map(|(_, id)| id))
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(message).collect()
}

fn message(row: &sqlx::postgres::PgRow) -> Result<Message, DbError> {
    let (state, reason): (Option<String>, Option<String>) =
        (row.try_get("trouble")?, row.try_get("trouble_reason")?);
    let files: Option<Json<Vec<File>>> = row.try_get("files")?;
    Ok(Message {
        id: row.try_get("message_id")?,
        author: row.try_get("author")?,
        author_kind: row.try_get("author_kind")?,
        run: row.try_get("run_id")?,
        body: row.try_get("body")?,
        sent_at: row.try_get("sent_at")?,
        edited_at: row.try_get("edited_at")?,
        deleted_at: row.try_get("deleted_at")?,
        interrupted: row.try_get("interrupted")?,
        files: files.map(|Json(files)| files).unwrap_or_default(),
        trouble: state.map(|state| Trouble { unclear: state == "unknown", reason: reason.unwrap_or_default() }),
    })
}
