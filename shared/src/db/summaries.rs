//! Summaries: what was said in a conversation before its window, in a few sentences each.
//!
//! Each sums up the messages of one span, as people wrote them: never an older summary, nor an answer, nor what an answer
//! recalled, so it can't drift, and one message that is forgotten costs one summary. The row that a message is in goes with
//! the message, by a trigger (`summaries_follow_source()`). Storing needs an all-audiences transaction.

use sqlx::Row;
use time::OffsetDateTime;

use super::{DbError, TenantTx};
use crate::ids::{AgentId, ConversationId, MessageId, SummaryId};

/// The newest messages, which a summary leaves alone: the window shows them.
const KEPT_MESSAGES: i64 = 20;
const KEPT_CHARS: i64 = 12_000;
/// How far back a conversation is summed up. What is older is left to the search.
const MESSAGES_LOOKED_THROUGH: i64 = 400;
/// Letters of a message that are read.
const MESSAGE_CHARS_MAX: i32 = 2_000;
/// After so many failures the conversation is left as it is, until more is said there.
const FAILURES_MAX: i32 = 5;

/// As a prompt shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub body: String,
    /// Somebody who is not one of the tenant's own people wrote some of what it is made of.
    pub outside: bool,
    pub from_at: OffsetDateTime,
    pub to_at: OffsetDateTime,
}

/// Something that was said before what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    pub message: MessageId,
    pub author: String,
    pub outside: bool,
    pub body: String,
    pub sent_at: OffsetDateTime,
    /// Which version of it was read.
    pub version: String,
    /// A person said it: then it is remembered, too.
    pub by_person: bool,
    /// A summary has it.
    pub covered: bool,
}

/// A conversation that was taken, and when somebody last asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub conversation: ConversationId,
    pub asked_at: OffsetDateTime,
}

/// The newest eight, oldest first; of what was said up to a moment, if one is named.
pub async fn newest(
    tx: &mut TenantTx,
    conversation: ConversationId,
    upto: Option<OffsetDateTime>,
) -> Result<Vec<Summary>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "select body, outside, from_at, to_at from summaries
          where tenant_id = $1 and conversation_id = $2 and to_at <= coalesce($3, 'infinity') order by to_at desc limit 8",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(upto)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .rev()
        .map(|row| {
            Ok(Summary {
                body: row.try_get("body")?,
                outside: row.try_get("outside")?,
                from_at: row.try_get("from_at")?,
                to_at: row.try_get("to_at")?,
            })
        })
        .collect()
}

/// Takes the conversation that waits longest. A lease, since a model is asked meanwhile: one that is not ended runs out.
pub async fn claim(tx: &mut TenantTx) -> Result<Option<Claimed>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(
        "with due as (
             select conversation_id from summary_requests
              where tenant_id = $1 and leased_until <= clock_timestamp()
              order by asked_at limit 1 for update skip locked
         )
         update summary_requests s set leased_until = clock_timestamp() + interval '5 minutes'
           from due
          where s.tenant_id = $1 and s.conversation_id = due.conversation_id
         returning s.conversation_id, s.asked_at",
    )
    .bind(tenant)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Claimed { conversation: row.try_get("conversation_id")?, asked_at: row.try_get("asked_at")? })
    })
    .transpose()
}

/// What people wrote before what the window surely shows, oldest first. What was forgotten is not among it, also where its
/// message still stands in the conversation.
pub async fn spoken(tx: &mut TenantTx, conversation: ConversationId) -> Result<Vec<Spoken>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(
        "with talk as (
             select m.*, row_number() over newest as n, sum(char_length(m.body)) over newest as chars
               from (select * from messages
                      where tenant_id = $1 and conversation_id = $2 and deleted_at is null
                        and coalesce(left(external_id, 4), '') not in ('apr_', 'fup_', 'rtr_')
                      order by sent_at desc, message_id desc limit $5) m
             window newest as (order by m.sent_at desc, m.message_id desc)
         )
         select t.message_id, coalesce(p.display_name, t.operator_name, 'a colleague') as author,
                coalesce(p.standing in ('bot', 'guest', 'outsider'), false) as outside, left(t.body, $6) as body, t.sent_at,
                md5(t.body) as version, t.author_kind = 'person' as by_person,
                exists (select from summary_sources s where s.tenant_id = $1 and s.message_id = t.message_id) as covered
           from talk t
           left join people p on p.tenant_id = t.tenant_id and p.person_id = t.person_id
          where (t.n > $3 or t.chars > $4) and t.body <> ''
            and (t.author_kind = 'operator'
                 or t.author_kind = 'person'
                    and exists (select from memories r where r.tenant_id = $1 and r.message_id = t.message_id))
          order by t.sent_at, t.message_id",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(KEPT_MESSAGES)
    .bind(KEPT_CHARS)
    .bind(MESSAGES_LOOKED_THROUGH)
    .bind(MESSAGE_CHARS_MAX)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Spoken {
                message: row.try_get("message_id")?,
                author: row.try_get("author")?,
                outside: row.try_get("outside")?,
                body: row.try_get("body")?,
                sent_at: row.try_get("sent_at")?,
                version: row.try_get("version")?,
                by_person: row.try_get("by_person")?,
                covered: row.try_get("covered")?,
            })
        })
        .collect()
}

/// Locks what was read, as it is now: whoever changes or forgets one of these waits, and then finds the summary.
const UNCHANGED: &str = "
select count(*) from (
    select m.message_id from messages m
      join unnest($3::uuid[], $4::text[]) as g (message_id, version) on g.message_id = m.message_id
     where m.tenant_id = $1 and m.conversation_id = $2 and m.deleted_at is null and md5(m.body) = g.version
       for share of m
) said";

const REMEMBERED: &str = "
select count(*) from (
    select r.message_id from memories r where r.tenant_id = $1 and r.message_id = any ($2) for share
) remembered";

const STORE: &str = "
with stored as (
    insert into summaries (tenant_id, summary_id, conversation_id, agent_id, from_at, to_at, messages, body, outside)
    values ($1, $2, $3, $4, $5, $6, cardinality($7::uuid[]), $8, $9)
)
insert into summary_sources (tenant_id, message_id, summary_id) select $1, message_id, $2 from unnest($7::uuid[]) as message_id";

/// What was summed up, by whose model.
pub struct New<'a> {
    pub conversation: ConversationId,
    pub agent: AgentId,
    pub body: &'a str,
    /// Oldest first.
    pub of: &'a [Spoken],
}

/// `false`: some of it was changed or forgotten meanwhile, and nothing is stored.
pub async fn store(tx: &mut TenantTx, new: &New<'_>) -> Result<bool, DbError> {
    let (tenant, Some(first), Some(last)) = (tx.tenant(), new.of.first(), new.of.last()) else { return Ok(false) };
    let ids: Vec<MessageId> = new.of.iter().map(|spoken| spoken.message).collect();
    let versions: Vec<&str> = new.of.iter().map(|spoken| spoken.version.as_str()).collect();
    let unchanged: i64 = sqlx::query_scalar(UNCHANGED)
        .bind(tenant)
        .bind(new.conversation)
        .bind(&ids)
        .bind(versions)
        .fetch_one(tx.conn())
        .await?;
    let remembered: i64 = sqlx::query_scalar(REMEMBERED).bind(tenant).bind(&ids).fetch_one(tx.conn()).await?;
    let by_people = new.of.iter().filter(|spoken| spoken.by_person).count();
    // Read anew: the locks are held now.
    let known = spoken(tx, new.conversation).await?;
    let is_open = |id: &MessageId| known.iter().any(|spoken| spoken.message == *id && !spoken.covered);
    let counts = (usize::try_from(unchanged).ok(), usize::try_from(remembered).ok());
    if counts != (Some(ids.len()), Some(by_people)) || !ids.iter().all(is_open) {
        return Ok(false);
    }
    sqlx::query(STORE)
        .bind(tenant)
        .bind(SummaryId::new())
        .bind(new.conversation)
        .bind(new.agent)
        .bind(first.sent_at)
        .bind(last.sent_at)
        .bind(&ids)
        .bind(new.body)
        .bind(new.of.iter().any(|spoken| spoken.outside))
        .execute(tx.conn())
        .await?;
    Ok(true)
}

/// Ends a lease. `more`: there is another span to sum up. What was asked for meanwhile stays asked for.
pub async fn release(tx: &mut TenantTx, claimed: &Claimed, more: bool) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with done as (
             delete from summary_requests
              where tenant_id = $1 and conversation_id = $2 and asked_at = $3 and not $4
         )
         update summary_requests set leased_until = '-infinity', failures = 0
          where tenant_id = $1 and conversation_id = $2 and (asked_at <> $3 or $4)",
    )
    .bind(tenant)
    .bind(claimed.conversation)
    .bind(claimed.asked_at)
    .bind(more)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nobody could be asked: tried again in a minute, then in two, four, … and then no more until somebody asks anew.
pub async fn put_off(tx: &mut TenantTx, conversation: ConversationId) -> Result<(), DbError> {
    let tenant = tx.tenant();
    sqlx::query(
        "with given_up as (
             delete from summary_requests where tenant_id = $1 and conversation_id = $2 and failures + 1 >= $3
         )
         update summary_requests
            set failures = failures + 1, leased_until = clock_timestamp() + interval '1 minute' * (2 ^ failures)
          where tenant_id = $1 and conversation_id = $2 and failures + 1 < $3",
    )
    .bind(tenant)
    .bind(conversation)
    .bind(FAILURES_MAX)
    .execute(tx.conn())
    .await?;
    Ok(())
}
