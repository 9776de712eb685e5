//! Escalations: conversations that were handed to a human, by a rule or because a person asked for one.
//!
//! waiting → human → closed, and never back: every statement here says from where it goes on, and the table refuses a state
//! without its times and a second one that is open. Who has the conversation stands in its lane;
//! the escalation says why, since when, and who sees to it.

mod summary;

use serde_json::json;
use sqlx::{Row, postgres::PgRow};
use time::OffsetDateTime;

use super::{
    DbError, TenantTx,
    audit::{self, Actor},
    desks, notices, takeovers,
};
use crate::{
    ids::{ConversationId, EscalationId, MessageId, PersonId, RuleId, UserId},
    jobs::{Job, Notice},
    queue,
};
use summary::summary;

/// The reason of the rule that everybody has.
pub const ASKED: &str = "the message asks for a human";
/// Escalations an hour that are written to the tenant's admins; the rest is in the list only. Whoever forces more than that
/// floods nobody's mail.
const MAILS_MAX: i64 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    Human,
    Closed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Human => "human",
            Self::Closed => "closed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Human, Self::Closed].into_iter().find(|state| state.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The person asked for a human.
    Asked,
    /// A rule of the tenant's, in this version.
    Rule(RuleId, i32),
    /// There was no money for an answer, and the person was told so.
    OutOfBudget,
    /// What a tool came to: its result is not known, or it was the one that asks for a human. The person was told so.
    Tool,
}

impl Cause {
    fn rule(self) -> Option<(RuleId, i32)> {
        match self {
            Self::Rule(rule, version) => Some((rule, version)),
            Self::Asked | Self::OutOfBudget | Self::Tool => None,
        }
    }
}

/// What hands a conversation over.
#[derive(Clone, Debug)]
pub struct New<'a> {
    pub conversation: ConversationId,
    pub person: PersonId,
    /// What they said; `None`: they used a command.
    pub message: Option<MessageId>,
    pub cause: Cause,
    pub reason: &'a str,
}

#[derive(Clone, Debug)]
pub struct Escalation {
    pub id: EscalationId,
    pub conversation: ConversationId,
    pub state: String,
    pub rule: Option<(RuleId, i32)>,
    /// Of the version that fired.
    pub rule_name: Option<String>,
    pub reason: String,
    pub message: Option<MessageId>,
    pub person: PersonId,
    pub person_name: String,
    /// '' once the person is forgotten.
    pub summary: String,
    /// Whom its rule chose. `None`: anybody.
    pub meant_for: Option<UserId>,
    pub opened_at: OffsetDateTime,
    pub taken_at: Option<OffsetDateTime>,
    pub assigned_to: Option<String>,
    pub closed_at: Option<OffsetDateTime>,
}

/// Hands a conversation over: the agent falls silent, the person is told once, the tenant's people get a notice. `None`: a
/// human has it or is waited for already.
pub async fn open(tx: &mut TenantTx, new: &New<'_>) -> Result<Option<EscalationId>, DbError> {
    if !takeovers::silence(tx, new.conversation).await? {
        return Ok(None);
    }
    // One that a release left open would keep this one out.
    close(tx, new.conversation, &Actor::System).await?;
    let id = EscalationId::new();
    let members = begin_waiting(tx, new).await?;
    let summary = summary(tx, new).await?;
    let meant_for = store(tx, new, id, &summary, &members).await?;
    record(tx, new, id, meant_for).await?;
    desks::show(tx, id).await?;
    if !matches!(new.cause, Cause::OutOfBudget | Cause::Tool) {
        let notice = Notice::HumanAsked { conversation: new.conversation };
        queue::enqueue(tx, &Job::TellPerson { person: new.person, notice }).await?;
    }
    // Of a budget the admins have a mail already.
    let mails = new.cause != Cause::OutOfBudget && notices::escalations_this_hour(tx).await? < MAILS_MAX;
    let body = format!("A conversation waits for a human: {}.", new.reason);
    notices::tell_of_conversation(tx, new.conversation, &body, mails, meant_for).await?;
    Ok(Some(id))
}

/// The person waits for a human from now on. Returns whom the rule hands over to.
async fn begin_waiting(tx: &mut TenantTx, new: &New<'_>) -> Result<Vec<UserId>, DbError> {
    let (tenant, rule) = (tx.tenant(), new.cause.rule());
    let members: Option<Option<Vec<UserId>>> = sqlx::query_scalar(
        "update conversations set waits_since = coalesce(waits_since, clock_timestamp())
          where tenant_id = $1 and conversation_id = $2
         returning (select assign_to from escalation_rules where tenant_id = $1 and rule_id = $3 and version = $4)",
    )
    .bind(tenant)
    .bind(new.conversation)
    .bind(rule.map(|(rule, _)| rule))
    .bind(rule.map(|(_, version)| version))
    .fetch_optional(tx.conn())
    .await?;
    Ok(members.flatten().unwrap_or_default())
}

/// Who has the fewest open ones gets it: what one of them has taken is theirs, what nobody has taken is whom it is meant for.
/// Of those who have as few, who got one longest ago. Two that open at once do not see each other.
const STORE: &str = "
with members as (
    select m.user_id, c.label
      from unnest($10::uuid[], $11::text[]) as c (user_id, label)
      join memberships m on m.tenant_id = $1 and m.user_id = c.user_id and not m.read_only
), chosen as (
    select c.user_id from members c
     order by (select count(*) from escalations o
                where o.tenant_id = $1 and o.state <> 'closed'
                  and (o.assigned_to = c.label or (o.assigned_to is null and o.meant_for = c.user_id))),
              (select max(o.opened_at) from escalations o
                where o.tenant_id = $1 and o.meant_for = c.user_id) nulls first,
              c.user_id
     limit 1
)
insert into escalations (tenant_id, escalation_id, conversation_id, rule_id, rule_version, reason, message_id, person_id,
                         summary, meant_for)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, (select user_id from chosen)
returning meant_for";

/// Returns whom of these members it is meant for. `None`: there are none, or none of them may write here any more.
async fn store(
    tx: &mut TenantTx,
    new: &New<'_>,
    id: EscalationId,
    summary: &str,
    members: &[UserId],
) -> Result<Option<UserId>, DbError> {
    let (tenant, rule) = (tx.tenant(), new.cause.rule());
    let labels: Vec<String> = members.iter().map(UserId::to_string).collect();
    let meant_for = sqlx::query_scalar(STORE)
        .bind(tenant)
        .bind(id)
        .bind(new.conversation)
        .bind(rule.map(|(rule, _)| rule))
        .bind(rule.map(|(_, version)| version))
        .bind(new.reason)
        .bind(new.message)
        .bind(new.person)
        .bind(summary)
        .bind(members)
        .bind(labels)
        .fetch_one(tx.conn())
        .await?;
    Ok(meant_for)
}

async fn record(
    tx: &mut TenantTx,
    new: &New<'_>,
    id: EscalationId,
    meant_for: Option<UserId>,
) -> Result<(), DbError> {
    let target = new.conversation.to_string();
    let rule = new.cause.rule().map(|(rule, version)| json!({ "id": rule, "version": version }));
    // What a model gives as its reason may be somebody's words, which nobody could take out of the log.
    let reason = (new.cause != Cause::Tool).then_some(new.reason);
    let message = new.message;
    let detail =
        json!({ "escalation": id, "message": message, "rule": rule, "reason": reason, "meant_for": meant_for });
    let (actor, action) = match new.cause {
        Cause::Rule(..) => (Actor::System, "conversation.escalate"),
        Cause::Asked => (Actor::Person(new.person), "conversation.ask_human"),
        Cause::OutOfBudget => (Actor::System, "conversation.out_of_budget"),
        Cause::Tool => (Actor::System, "conversation.escalate_tool"),
    };
    audit::append(tx, &actor, action, ("conversation", &target), detail).await
}

pub(super) async fn record_taken(tx: &mut TenantTx, id: EscalationId, actor: &Actor) -> Result<(), DbError> {
    audit::append(tx, actor, "escalation.take", ("escalation", &id.to_string()), json!({})).await
}

/// Reminds the tenant's admins of an escalation that still waits, once, whomever it is meant for. `false`: somebody has taken it, or was reminded.
pub async fn remind(tx: &mut TenantTx, id: EscalationId) -> Result<bool, DbError> {
    let tenant = tx.tenant();
    let due: Option<(ConversationId, String)> = sqlx::query_as(
        "update escalations set remind_at = null
          where tenant_id = $1 and escalation_id = $2 and remind_at <= clock_timestamp()
         returning conversation_id, reason",
    )
    .bind(tenant)
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    let Some((conversation, reason)) = due else { return Ok(false) };
    let mails = notices::escalations_this_hour(tx).await? < MAILS_MAX;
    let body =
        format!("A conversation still waits for a human, and nobody has taken it for 30 minutes: {reason}.");
    notices::tell_of_conversation(tx, conversation, &body, mails, None).await?;
    Ok(true)
}

/// The agent has the conversation again, and nobody waits for a human.
pub(super) async fn close(tx: &mut TenantTx, conversation: ConversationId, actor: &Actor) -> Result<(), DbError> {
    let tenant = tx.tenant();
    let closed: Option<(EscalationId, bool)> = sqlx::query_as(
        "with waited as (
             update conversations set waits_since = null
              where tenant_id = $1 and conversation_id = $2 and waits_since is not null
         )
         update escalations e set state = 'closed', closed_at = clock_timestamp(), remind_at = null
          where e.tenant_id = $1 and e.conversation_id = $2 and e.state <> 'closed'
         returning e.escalation_id,
                   exists (select from desk_threads t where t.tenant_id = $1 and t.escalation_id = e.escalation_id)",
    )
    .bind(tenant)
    .bind(conversation)
    .fetch_optional(tx.conn())
    .await?;
    let Some((id, at_desk)) = closed else { return Ok(()) };
    audit::append(tx, actor, "escalation.close", ("escalation", &id.to_string()), json!({})).await?;
    if at_desk {
        queue::enqueue(tx, &Job::ShowEscalation { escalation: id }).await?;
    }
    Ok(())
}

/// Gives an open escalation to a member or a key, who has it from now on. The conversation is a human's then.
pub async fn assign(
    tx: &mut TenantTx,
    escalation: Escalation,
    actor: &Actor,
    to: &str,
) -> Result<Escalation, DbError> {
    const CLOSED: DbError =
        DbError::Conflict("The escalation is closed: the agent has the conversation again. Take that over.");
    if escalation.closed_at.is_some() {
        return Err(CLOSED);
    }
    takeovers::take_for(tx, escalation.conversation, actor).await?;
    let tenant = tx.tenant();
    let assigned: Option<(bool, OffsetDateTime)> = sqlx::query_as(
        "with waited as (
             update conversations set waits_since = null
              where tenant_id = $1 and conversation_id = $4 and waits_since is not null
         ), before as (
             select state from escalations
              where tenant_id = $1 and escalation_id = $2 and state <> 'closed' for no key update
         )
         update escalations e set state = 'human', taken_at = coalesce(e.taken_at, clock_timestamp()), assigned_to = $3,
                                  remind_at = null
           from before
          where e.tenant_id = $1 and e.escalation_id = $2
         returning before.state = 'waiting', e.taken_at",
    )
    .bind(tenant)
    .bind(escalation.id)
    .bind(to)
    .bind(escalation.conversation)
    .fetch_optional(tx.conn())
    .await?;
    let (waited, taken_at) = assigned.ok_or(CLOSED)?;
    let target = escalation.id.to_string();
    if waited {
        record_taken(tx, escalation.id, actor).await?;
    }
    audit::append(tx, actor, "escalation.assign", ("escalation", &target), json!({ "to": to })).await?;
    let (state, assigned_to) = (State::Human.as_str().to_owned(), Some(to.to_owned()));
    Ok(Escalation { state, taken_at: Some(taken_at), assigned_to, ..escalation })
}

const LIST: &str = "
select e.escalation_id, e.conversation_id, e.state, e.rule_id, e.rule_version, r.name as rule_name, e.reason, e.message_id,
       e.person_id, coalesce(p.display_name, '') as person_name, e.summary, e.meant_for, e.opened_at, e.taken_at,
       e.assigned_to, e.closed_at
  from escalations e
  left join people p on p.tenant_id = e.tenant_id and p.person_id = e.person_id
  left join escalation_rules r on r.tenant_id = e.tenant_id and r.rule_id = e.rule_id and r.version = e.rule_version
 where e.tenant_id = $1 and ($2::text is null or e.state = $2) and ($3::uuid is null or e.escalation_id < $3)
   and ($4::uuid is null or e.escalation_id = $4) and ($6::uuid is null or e.meant_for = $6)
 order by e.escalation_id desc
 limit $5";

/// Which ones are asked for; all of them by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub state: Option<State>,
    pub meant_for: Option<UserId>,
}

/// Escalations before this one, newest first.
pub async fn list(
    tx: &mut TenantTx,
    filter: Filter,
    before: Option<EscalationId>,
    limit: i64,
) -> Result<Vec<Escalation>, DbError> {
    let tenant = tx.tenant();
    let rows = sqlx::query(LIST)
        .bind(tenant)
        .bind(filter.state.map(State::as_str))
        .bind(before)
        .bind(None::<EscalationId>)
        .bind(limit)
        .bind(filter.meant_for)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(escalation).collect()
}

pub async fn find(tx: &mut TenantTx, id: EscalationId) -> Result<Option<Escalation>, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(LIST)
        .bind(tenant)
        .bind(None::<&str>)
        .bind(None::<EscalationId>)
        .bind(id)
        .bind(1_i64)
        .bind(None::<UserId>)
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(escalation).transpose()
}

fn escalation(row: &PgRow) -> Result<Escalation, DbError> {
    let (rule, version): (Option<RuleId>, Option<i32>) = (row.try_get("rule_id")?, row.try_get("rule_version")?);
    Ok(Escalation {
        id: row.try_get("escalation_id")?,
        conversation: row.try_get("conversation_id")?,
        state: row.try_get("state")?,
        rule: rule.zip(version),
        rule_name: row.try_get("rule_name")?,
        reason: row.try_get("reason")?,
        message: row.try_get("message_id")?,
        person: row.try_get("person_id")?,
        person_name: row.try_get("person_name")?,
        summary: row.try_get("summary")?,
        meant_for: row.try_get("meant_for")?,
        opened_at: row.try_get("opened_at")?,
        taken_at: row.try_get("taken_at")?,
        assigned_to: row.try_get("assigned_to")?,
        closed_at: row.try_get("closed_at")?,
    })
}
