//! Forks: side conversations that begin at a message of a real one. No channel sees them, and nothing in them is remembered.
//!
//! What is said in one are rehearsals: an operator's words, if any, and the answer that they got.

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    super::{
        DbError, TenantTx,
        audit::{self, Actor},
        conversations::Message,
    },
    Draft, Rehearsal, columns as answer_columns, has_room, rehearsal,
};
use crate::ids::{AgentId, ConversationId, ForkId, MessageId, RehearsalId};

/// Of one conversation.
const FORKS_MAX: i64 = 50;
/// Answers of one fork.
pub const ANSWERS_MAX: i64 = 40;
/// Messages of the conversation itself that are shown beside a fork.
const BESIDE_MAX: i64 = 50;

#[derive(Clone, Debug)]
pub struct Fork {
    pub id: ForkId,
    pub conversation: ConversationId,
    pub message: MessageId,
    pub agent: AgentId,
    pub draft: Draft,
    pub with_memory: bool,
    pub created_at: OffsetDateTime,
}

macro_rules! columns {
    () => {
        "fork_id, conversation_id, message_id, agent_id, model, instructions, with_memory, created_at"
    };
}

/// Begins one at a message of the conversation, with the agent that answered there last; recorded. [`DbError::NotFound`]: the
/// message is not there (any more).
pub async fn open(
    tx: &mut TenantTx,
    actor: &Actor,
    (conversation, message): (ConversationId, MessageId),
    draft: &Draft,
    with_memory: bool,
) -> Result<Fork, DbError> {
    let tenant = tx.tenant();
    let there: bool = sqlx::query_scalar(
        "select exists (select from messages
                         where tenant_id = $1 and conversation_id = $2 and message_id = $3 and deleted_at is null)",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(message)
    .fetch_one(tx.conn())
    .await?;
    if !there {
        return Err(DbError::NotFound);
    }
    let row = sqlx::query(concat!(
        "insert into forks (tenant_id, fork_id, conversation_id, message_id, run_id, agent_id, model, instructions,
                            with_memory, created_by)
         select $1, $2, r.conversation_id, $4, r.run_id, r.agent_id, $5, $6, $7, $8
           from (select * from runs where tenant_id = $1 and conversation_id = $3
                  order by from_seq desc, run_id desc limit 1) r
          where (select count(*) from forks where tenant_id = $1 and conversation_id = $3) < $9
         returning ",
        columns!()
    ))
    .bind(tenant)
    .bind(ForkId::new())
    .bind(conversation)
    .bind(message)
    .bind(&draft.model)
    .bind(&draft.instructions)
    .bind(with_memory)
    .bind(actor.id())
    .bind(FORKS_MAX)
    .fetch_optional(tx.conn())
    .await?;
    let row = row.ok_or(DbError::Conflict(
        "No agent has answered in this conversation, or it has 50 forks already: delete one first.",
    ))?;
    let fork = fork(&row)?;
    let detail = json!({ "conversation": conversation, "message": message, "model": draft.model,
                         "instructions": draft.instructions.is_some(), "with_memory": with_memory });
    audit::append(tx, actor, "conversation.fork", ("fork", &fork.id.to_string()), detail).await?;
    Ok(fork)
}

/// Of a conversation, the newest first.
pub async fn list(tx: &mut TenantTx, conversation: ConversationId) -> Result<Vec<Fork>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select ",
        columns!(),
        " from forks where tenant_id = $1 and conversation_id = $2 order by fork_id desc limit $3"
    ))
    .bind(tenant)
    .bind(conversation)
    .bind(FORKS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(fork).collect()
}

pub async fn find(tx: &mut TenantTx, id: ForkId) -> Result<Option<Fork>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(concat!("select ", columns!(), " from forks where tenant_id = $1 and fork_id = $2"))
        .bind(tenant)
        .bind(id)
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(fork).transpose()
}

fn fork(row: &PgRow) -> Result<Fork, DbError> {
    Ok(Fork {
        id: row.try_get("fork_id")?,
        conversation: row.try_get("conversation_id")?,
        message: row.try_get("message_id")?,
        agent: row.try_get("agent_id")?,
        draft: Draft { model: row.try_get("model")?, instructions: row.try_get("instructions")? },
        with_memory: row.try_get("with_memory")?,
        created_at: row.try_get("created_at")?,
    })
}

/// Something that was said in a fork, and what was answered.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `None`: the agent was asked for an answer to what stands there.
    pub question: Option<String>,
    pub answer: Rehearsal,
}

/// In their order.
pub async fn exchanges(tx: &mut TenantTx, fork: ForkId) -> Result<Vec<Exchange>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(concat!(
        "select question, ",
        answer_columns!(),
        " from rehearsals where tenant_id = $1 and fork_id = $2 order by rehearsal_id limit $3"
    ))
    .bind(tenant)
    .bind(fork)
    .bind(ANSWERS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| Ok(Exchange { question: row.try_get("question")?, answer: rehearsal(row)? })).collect()
}

/// What was said in the conversation itself after the fork, oldest first.
pub async fn beside(tx: &mut TenantTx, fork: &Fork) -> Result<Vec<Message>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select m.message_id, coalesce(p.display_name, a.name, m.operator_name, '') as author, m.author_kind, m.run_id,
                case when m.deleted_at is null then m.body else '' end as body, m.sent_at, m.edited_at, m.deleted_at
           from messages f
           join messages m on m.tenant_id = $1 and m.conversation_id = f.conversation_id
                          and (m.sent_at, m.message_id) > (f.sent_at, f.message_id)
           left join people p on p.tenant_id = $1 and p.person_id = m.person_id
           left join agents a on a.tenant_id = $1 and a.agent_id = m.agent_id
          where f.tenant_id = $1 and f.message_id = $2 and coalesce(left(m.external_id, 4), '') not in ('apr_', 'fup_', 'rtr_')
          order by m.sent_at, m.message_id limit $3",
    )
    .bind(tenant)
    .bind(fork.message)
    .bind(BESIDE_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Message {
                id: row.try_get("message_id")?,
                author: row.try_get("author")?,
                author_kind: row.try_get("author_kind")?,
                run: row.try_get("run_id")?,
                body: row.try_get("body")?,
                sent_at: row.try_get("sent_at")?,
                edited_at: row.try_get("edited_at")?,
                deleted_at: row.try_get("deleted_at")?,
                interrupted: None,
                files: Vec::new(),
                trouble: None,
            })
        })
        .collect()
}

/// Says something in a fork, or asks for an answer to what stands there; recorded. One at a time.
pub async fn say(
    tx: &mut TenantTx,
    actor: &Actor,
    fork: ForkId,
    question: Option<&str>,
) -> Result<Rehearsal, DbError> {
    let tenant = tx.tenant();
    // Two who say something at once do so one after the other.
    let waiting: Option<i64> = sqlx::query_scalar(
        "select (select count(*) from rehearsals where tenant_id = $1 and state = 'waiting')
           from forks where tenant_id = $1 and fork_id = $2 for no key update",
    )
    .bind(tenant)
    .bind(fork)
    .fetch_optional(tx.conn())
    .await?;
    let waiting = waiting.ok_or(DbError::NotFound)?;
    let known = exchanges(tx, fork).await?;
    if known.iter().any(|exchange| exchange.answer.state == "waiting") {
        return Err(DbError::Conflict("The agent is answering in this fork: wait until it has."));
    }
    if i64::try_from(known.len()).unwrap_or(i64::MAX) >= ANSWERS_MAX {
        return Err(DbError::Conflict("There are 40 answers in this fork already: begin another one."));
    }
    has_room(waiting)?;
    let row = sqlx::query(concat!(
        "insert into rehearsals (tenant_id, rehearsal_id, kind, conversation_id, run_id, agent_id, model, instructions,
                                 with_memory, requested_by, fork_id, question)
         select $1, $2, 'fork', f.conversation_id, f.run_id, f.agent_id, f.model, f.instructions, f.with_memory, $4,
                f.fork_id, $5
           from forks f where f.tenant_id = $1 and f.fork_id = $3
         returning ",
        answer_columns!()
    ))
    .bind(tenant)
    .bind(RehearsalId::new())
    .bind(fork)
    .bind(actor.id())
    .bind(question)
    .fetch_one(tx.conn())
    .await?;
    let asked = rehearsal(&row)?;
    let detail = json!({ "rehearsal": asked.id, "characters": question.map_or(0, |text| text.chars().count()) });
    audit::append(tx, actor, "fork.say", ("fork", &fork.to_string()), detail).await?;
    Ok(asked)
}

/// Deletes it with what was said in it; recorded. `false`: there is none.
pub async fn remove(tx: &mut TenantTx, actor: &Actor, fork: ForkId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let removed = sqlx::query("delete from forks where tenant_id = $1 and fork_id = $2")
        .bind(tenant)
        .bind(fork)
        .execute(tx.conn())
        .await?;
    if removed.rows_affected() == 0 {
        return Ok(false);
    }
    audit::append(tx, actor, "fork.remove", ("fork", &fork.to_string()), json!({})).await?;
    Ok(true)
}
