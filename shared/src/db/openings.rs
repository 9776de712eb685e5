//! What a turn finds when it opens: what waits, where, who is to answer, and what was said there before.

use serde::Deserialize;
use sqlx::{Row, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    DbError, TenantTx, agents,
    billing::{Access, access_of},
    connections::Outsiders,
    escalation_rules::ActiveRule,
    interruptions::{self, Notice},
    lanes::Lease,
    languages,
    messages::Line,
};
use crate::{
    conditions::{Known, Language},
    ids::{AgentId, ConnectionId, RunId},
    message::{ChannelKind, InboundMessage},
};

/// Messages answered together at most.
pub const MESSAGES_MAX: i64 = 20;

/// A message that waits for an answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Pending {
    pub seq: i64,
    pub addressed: bool,
    pub message: InboundMessage,
    pub trace: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
}

/// An earlier, unfinished run of the same conversation: its owner died.
#[derive(Clone, Debug)]
pub struct Interrupted {
    pub run: RunId,
    pub to_seq: i64,
}

/// Everything a turn needs to know about where it happens.
pub struct Opening {
    pub tenant_name: String,
    /// What its agents speak, the main one first; `None`: nobody said so.
    pub languages: Option<Vec<Language>>,
    pub by_human: bool,
    pub last_seq: i64,
    pub connection: ConnectionId,
    pub channel: String,
    /// The provider's id of what is connected: a Slack workspace.
    pub account: String,
    pub sealed_token: Vec<u8>,
    pub connection_active: bool,
    /// The token has less than a minute left: it has to be renewed before it is used.
    pub token_runs_out: bool,
    pub bot_user_id: String,
    pub agent: Option<agents::Agent>,
    /// The agent has spoken here before.
    pub takes_part: bool,
    /// Who answered here last, or was about to.
    pub thread_agent: Option<AgentId>,
    /// The tenant has bindings.
    pub bound: bool,
    /// The tenant has model keys of its own, or its agents name their models.
    pub own_models: bool,
    /// Some budget of the tenant has a limit.
    pub budgeted: bool,
    /// What the state of its subscription, and the platform, let the tenant do.
    pub access: Access,
    /// The tenant was given a plan with limits; it may pay for a larger one.
    pub limited: bool,
    /// What was received until then came while the tenant was suspended, and is answered by nobody.
    pub dropped_before: Option<OffsetDateTime>,
    /// Agents that may use tools.
    pub tool_agents: Vec<AgentId>,
    pub outsiders: Outsiders,
    pub channel_kind: ChannelKind,
    /// People of other companies read along.
    pub channel_shared: bool,
    pub interrupted: Option<Interrupted>,
    /// Of interrupted runs: to be delivered before anything else.
    pub notices: Vec<Notice>,
    pub pending: Vec<Pending>,
    /// Somebody edited or deleted a message that was not here yet.
    pub changes_wait: bool,
    /// What was said here before, oldest first.
    pub window: Vec<Line>,
    /// The tenant's rules that are switched on, oldest first.
    pub rules: Vec<ActiveRule>,
    /// When a human gave the conversation back last: what was said before is not held against it again.
    pub given_back_at: Option<OffsetDateTime>,
    /// Answers that failed in the last 24 hours, since then.
    pub failed_answers: u32,
    /// What rules ask for besides the words; looked up where one does.
    pub known: Known,
}

const OPEN: &str = concat!(
    "
select own.name as tenant_name, own.languages, own.dropped_before, own.plan <> 'enterprise' as limited,
       l.by_human, c.connection_id, c.channel, c.external_id as account, c.access_token,
       c.status = 'active' as active,
       exists (select from token_rotations t
                where t.tenant_id = $1 and t.connection_id = c.connection_id
                  and t.expires_at < clock_timestamp() + interval '1 minute') as token_runs_out,
       c.bot_user_id, a.agent_id, a.name, a.role, a.tone, a.instructions, a.model, a.temperature,
       a.answer_tokens, a.is_default,
       exists (select from messages m where m.tenant_id = $1 and m.conversation_id = $2 and m.author_kind = 'agent')
         as takes_part, exists (select from bindings b where b.tenant_id = $1) as bound, c.outsiders,
       exists (select from llm_keys k where k.tenant_id = $1)
         or exists (select from agent_models n where n.tenant_id = $1) as own_models,
       exists (select from budgets g where g.tenant_id = $1 and g.limit_micro is not null) as budgeted,
       array(select distinct t.agent_id from agent_tools t where t.tenant_id = $1) as tool_agents, ",
    access_of!(),
    " as access,
       (select p.agent_id from runs p where p.tenant_id = $1 and p.conversation_id = $2 order by p.from_seq desc limit 1)
         as last_agent,
       exists (select from message_changes w
                where w.tenant_id = $1 and w.conversation_id = $2 and w.applied_at is null
                  and w.received_at > now() - interval '1 hour') as changes_wait,
       r.run_id, r.to_seq, waiting.list as pending, said.list as said, back.at as given_back_at,
       (select jsonb_agg(jsonb_build_object('id', e.rule_id, 'version', e.version, 'name', e.name, 'condition', e.condition)
                         order by e.rule_id)
          from escalation_rules e
         where e.tenant_id = $1 and e.replaced_at is null and e.enabled and not e.deleted) as rules,
       (select count(*) from runs f
         where f.tenant_id = $1 and f.conversation_id = $2 and f.state = 'failed'
           and f.finished_at > greatest(back.at, now() - interval '24 hours')) as failed_answers,
       (select jsonb_agg(jsonb_build_object('id', o.outbox_id, 'body', o.body, 'channel', v.channel_external_id,
                                            'thread', v.thread_external_id, 'placeholder', p.outbox_id,
                                            'target', p.external_id, 'stream', s.outbox_id,
                                            'streamed', s.external_id, 'text', s.head || s.text)
                         order by o.created_at)
          from outbox o
          join conversations v on v.tenant_id = $1 and v.conversation_id = $2
          left join outbox p on p.tenant_id = $1 and p.run_id = o.run_id and p.kind = 'placeholder'
          left join lateral (
            select a.outbox_id, a.external_id, a.head,
                   (select string_agg(x.text, '' order by x.n) from outbox_parts x
                     where x.tenant_id = $1 and x.outbox_id = a.outbox_id) as text
              from outbox a
             where a.tenant_id = $1 and a.run_id = o.run_id and a.operation = 'stream'
             order by a.part desc limit 1
          ) s on true
         where o.tenant_id = $1 and o.conversation_id = $2 and o.state = 'sending' and o.kind = 'notice') as notices,
       -- As of the same moment as what waits: the lane's own count may know of a message that this statement does not see.
       coalesce((select max(i.seq) from inbox i where i.tenant_id = $1 and i.conversation_id = $2), l.done_seq) as last_seq,
       coalesce(place.kind, 'unknown') as channel_kind, coalesce(place.shared, false) as channel_shared
  from lanes l
  join tenants own on own.tenant_id = $1
  join channel_connections c on c.tenant_id = l.tenant_id and c.connection_id = l.connection_id
  left join agents a on a.tenant_id = l.tenant_id and a.is_default
  left join runs r on r.tenant_id = l.tenant_id and r.conversation_id = l.conversation_id and r.state = 'running'
  left join lateral (
    select jsonb_agg(jsonb_build_object('seq', i.seq, 'addressed', i.addressed, 'message', i.normalized, 'trace', i.trace,
                                        'received_at', i.received_at)
                     order by i.seq) as list
      from (select * from inbox i
             where i.tenant_id = $1 and i.conversation_id = $2 and i.seq > l.done_seq and i.state = 'pending'
               and i.seq <= coalesce(r.to_seq, i.seq)
             order by i.seq limit 20) i
  ) waiting on true
  left join lateral (
    select jsonb_agg(jsonb_build_object('id', m.message_id, 'external_id', m.external_id, 'author_kind', m.author_kind,
                                        'author', m.author, 'body', m.body, 'sent_at', m.sent_at,
                                        'outside', m.outside)
                     order by m.sent_at, m.message_id) as list
      from (select m.*, coalesce(p.display_name, b.name, m.operator_name, 'a colleague') as author,
                   coalesce(p.standing in ('bot', 'guest', 'outsider'), false) as outside
              from messages m
              left join people p on p.tenant_id = m.tenant_id and p.person_id = m.person_id
              left join agents b on b.tenant_id = m.tenant_id and b.agent_id = m.agent_id
             where m.tenant_id = $1 and m.conversation_id = $2 and m.deleted_at is null
               -- Errands (decisions, follow-ups, routines) arrive like messages, and say nothing.
               and coalesce(left(m.external_id, 4), '') not in ('apr_', 'fup_', 'rtr_')
             order by m.sent_at desc, m.message_id desc limit 40) m
  ) said on true
  left join lateral (
    select max(e.closed_at) as at from escalations e where e.tenant_id = $1 and e.conversation_id = $2
  ) back on true
  left join channels place on place.tenant_id = $1 and place.connection_id = c.connection_id
                          and place.external_id = waiting.list -> 0 -> 'message' ->> 'channel'
 where l.tenant_id = $1 and l.conversation_id = $2 and l.fence = $3
   for no key update of l"
);

/// What waits for an answer, oldest first, before all else of the turn is read. Empty where a human has the conversation, or
/// nothing is addressed to the agent.
pub async fn words(tx: &mut TenantTx, lease: &Lease) -> Result<Vec<String>, DbError> {
    let tenant = tx.tenant();
    let rows: Vec<(String, bool)> = sqlx::query_as(
        "select coalesce(i.normalized ->> 'text', ''), i.addressed
           from lanes l
           join inbox i on i.tenant_id = l.tenant_id and i.conversation_id = l.conversation_id
          where l.tenant_id = $1 and l.conversation_id = $2 and not l.by_human and i.seq > l.done_seq and i.state = 'pending'
          order by i.seq limit 20",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .fetch_all(tx.conn())
    .await?;
    let addressed = rows.iter().any(|(_, addressed)| *addressed);
    Ok(if addressed { rows.into_iter().map(|(text, _)| text).collect() } else { Vec::new() })
}

/// Reads what the turn is about and holds the lane's row until the transaction ends.
pub async fn open(tx: &mut TenantTx, lease: &Lease) -> Result<Opening, DbError> {
    let tenant = tx.tenant();
    let row = sqlx::query(OPEN)
        .bind(tenant)
        .bind(lease.conversation)
        .bind(lease.fence)
        .fetch_optional(tx.conn())
        .await?
        .ok_or(DbError::Fenced)?;
    let agent_id: Option<Uuid> = row.try_get("agent_id")?;
    let pending: Option<Json<Vec<Pending>>> = row.try_get("pending")?;
    let said: Option<Json<Vec<Line>>> = row.try_get("said")?;
    let run: Option<RunId> = row.try_get("run_id")?;
    let (kind, outsiders): (String, String) = (row.try_get("channel_kind")?, row.try_get("outsiders")?);
    let takes_part: bool = row.try_get("takes_part")?;
    Ok(Opening {
        tenant_name: row.try_get("tenant_name")?,
        languages: languages::read(row.try_get("languages")?),
        by_human: row.try_get("by_human")?,
        last_seq: row.try_get("last_seq")?,
        connection: row.try_get("connection_id")?,
        channel: row.try_get("channel")?,
        account: row.try_get("account")?,
        sealed_token: row.try_get("access_token")?,
        connection_active: row.try_get("active")?,
        token_runs_out: row.try_get("token_runs_out")?,
        bot_user_id: row.try_get("bot_user_id")?,
        agent: agent_id.map(|_| agents::agent(&row)).transpose()?,
        takes_part,
        // A thread in which nothing was said belongs to nobody, but a run keeps its agent.
        thread_agent: row.try_get::<Option<AgentId>, _>("last_agent")?.filter(|_| takes_part || run.is_some()),
        bound: row.try_get("bound")?,
        own_models: row.try_get("own_models")?,
        budgeted: row.try_get("budgeted")?,
        access: Access::read(&row)?,
        limited: row.try_get("limited")?,
        dropped_before: row.try_get("dropped_before")?,
        tool_agents: row.try_get("tool_agents")?,
        outsiders: Outsiders::parse(&outsiders),
        changes_wait: row.try_get("changes_wait")?,
        channel_kind: ChannelKind::parse(&kind),
        channel_shared: row.try_get("channel_shared")?,
        interrupted: run
            .map(|run| Ok::<_, DbError>(Interrupted { run, to_seq: row.try_get("to_seq")? }))
            .transpose()?,
        notices: interruptions::notices(&row)?,
        pending: pending.map(|Json(list)| list).unwrap_or_default(),
        window: said.map(|Json(list)| list).unwrap_or_default(),
        rules: row
            .try_get::<Option<Json<Vec<ActiveRule>>>, _>("rules")?
            .map(|Json(list)| list)
            .unwrap_or_default(),
        given_back_at: row.try_get("given_back_at")?,
        failed_answers: u32::try_from(row.try_get::<i64, _>("failed_answers")?).unwrap_or(u32::MAX),
        known: Known::default(),
    })
}

/// Messages that arrived after `seq` and wait for the next run.
pub async fn arrived_after(tx: &mut TenantTx, lease: &Lease, seq: i64) -> Result<Vec<InboundMessage>, DbError> {
    let tenant = tx.tenant();
    let rows: Vec<Json<InboundMessage>> = sqlx::query_scalar(
        "select normalized from inbox
          where tenant_id = $1 and conversation_id = $2 and seq > $3 and state = 'pending' and addressed
            and coalesce(left(normalized ->> 'external_id', 4), '') not in ('apr_', 'fup_', 'rtr_')
          order by seq limit 20",
    )
    .bind(tenant)
    .bind(lease.conversation)
    .bind(seq)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|Json(message)| message).collect())
}
