//! Conversations that humans of both tenants take, answer in and give back, and every query about who has them and what was
//! said in them.

use shared::{
    db::{
        audit::Actor,
        conversations::{self, Filter},
        escalation_rules::{self, Shape},
        escalations::{self, Cause, New, State},
        home,
        lanes::{self as lane, Lease},
        notices, past, takeovers, watched,
    },
    ids::{ConversationId, EscalationId, OutboxId, RuleId, TenantId},
};
use uuid::Uuid;

use super::{
    scene::{CONNECTION, CONVERSATION, MEMBER, OWNER, PERSON, THEIR_CONVERSATION, THEIR_MEMBER, THEM, lease},
    statements::{Call, calls},
};

/// No turn is at work on it, and nobody waits for a human. Theirs has one already.
pub(super) const QUIET: ConversationId = ConversationId::from_uuid(Uuid::from_u128(0x40));
/// Humans have it, and a person waits for more.
pub(super) const HELD: ConversationId = ConversationId::from_uuid(Uuid::from_u128(0x41));
/// A human's reply in it, on its way.
const REPLY: OutboxId = OutboxId::from_uuid(Uuid::from_u128(0x42));
/// What the person said there.
pub(super) const ASKED: Uuid = Uuid::from_u128(0x43);
/// A rule of both, and what it handed over: theirs waits, ours has a human.
const RULE: RuleId = RuleId::from_uuid(Uuid::from_u128(0x45));
pub(super) const ESCALATION: EscalationId = EscalationId::from_uuid(Uuid::from_u128(0x46));
/// Where theirs is held; ours is elsewhere.
const THEIR_CHANNEL: &str = "CTB";

/// Whose the conversations are, which the accept path writes.
pub fn lanes(tenant: TenantId) -> String {
    format!(
        "insert into lanes (tenant_id, conversation_id, connection_id, by_human)
         values ('{0}', '{1}', '{3}', {4}), ('{0}', '{2}', '{3}', true);",
        tenant.uuid(),
        QUIET.uuid(),
        HELD.uuid(),
        CONNECTION.uuid(),
        tenant == THEM
    )
}

/// What was said in them, for a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str, team: &str) -> String {
    let [tenant, connection, person, quiet, held, reply, theirs] = [
        tenant_id.uuid(),
        CONNECTION.uuid(),
        PERSON.uuid(),
        QUIET.uuid(),
        HELD.uuid(),
        REPLY.uuid(),
        THEIR_CONVERSATION.uuid(),
    ];
    let mut script = format!(
        "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id,
                                    kind, waits_since)
         values ('{tenant}', '{quiet}', '{connection}', 'C1', '1.2', 'unknown', null),
                ('{tenant}', '{held}', '{connection}', 'C{team}', null, 'direct', now());
         insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, operator_name,
                               body, sent_at)
         values ('{tenant}', '{ASKED}', '{held}', '1.3', 'person', '{person}', null, '{mark} asked',
                 '2026-11-20T11:00:00Z'),
                ('{tenant}', '{reply}', '{held}', null, 'operator', null, '{mark}', '{mark} replied',
                 '2026-11-20T12:00:00Z');
         insert into outbox (tenant_id, outbox_id, conversation_id, kind, operation, body, fence)
         values ('{tenant}', '{reply}', '{held}', 'operator', 'post', '{mark}', 0);"
    );
    let (rule, escalation) = (RULE.uuid(), ESCALATION.uuid());
    let (owner, member) = (OWNER.uuid(), MEMBER.uuid());
    // Of ours nobody has one: the first would get the next. Of theirs the first has one.
    let meant_for = if tenant_id == THEM { format!("'{owner}'") } else { "null".to_owned() };
    script += &format!(
        "insert into escalation_rules (tenant_id, rule_id, version, name, condition, enabled, assign_to, actor_kind, actor_id)
         values ('{tenant}', '{rule}', 1, '{mark}', '\"{mark}\"', true, '{{{owner}, {member}}}', 'system', '{mark}');
         insert into escalations (tenant_id, escalation_id, conversation_id, rule_id, rule_version, reason, message_id,
                                  person_id, summary, meant_for, remind_at)
         values ('{tenant}', '{escalation}', '{held}', '{rule}', 1, '{mark}', '{ASKED}', '{person}', '{mark}', {meant_for},
                 now());
         insert into notices (tenant_id, notice_id, kind, conversation_id, body)
         values ('{tenant}', '{escalation}', 'escalation', '{held}', '{mark}');"
    );
    if tenant_id == THEM {
        script += &format!(
            "insert into escalations (tenant_id, escalation_id, conversation_id, reason, person_id, summary, state,
                                      closed_at, remind_at)
             values ('{tenant}', '{quiet}', '{quiet}', '{mark}', '{person}', '{mark}', 'closed', now(), null);
             insert into messages (tenant_id, message_id, conversation_id, author_kind, person_id, body, sent_at)
             values ('{tenant}', '{quiet}', '{quiet}', 'person', '{person}', '{mark}', '2026-11-20T11:00:00Z');
             insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind)
             values ('{tenant}', '{theirs}', '{connection}', 'C2', 'unknown');"
        );
    }
    script
}

pub fn all() -> Vec<Call> {
    let mut calls = on_the_screen();
    calls.extend(hand_over());
    calls.extend(escalate());
    calls.extend(by_rule());
    calls
}

fn on_the_screen() -> Vec<Call> {
    calls! {
        "conversations::list", AllAudiences, |tx, _config| {
            conversations::list(tx, &Filter::default(), None, 10).await?
        };
        "conversations::list of some words", AllAudiences, |tx, _config| {
            let words = ["asked".to_owned()];
            conversations::list(tx, &Filter { words: &words, ..Filter::default() }, None, 10).await?
        };
        "conversations::find", AllAudiences, |tx, _config| conversations::find(tx, HELD).await?;
        "conversations::exists", AllAudiences, |tx, _config| conversations::exists(tx, THEIR_CONVERSATION).await?;
        "conversations::place", AllAudiences, |tx, _config| conversations::place(tx, HELD).await?;
        "conversations::messages", AllAudiences, |tx, _config| {
            conversations::messages(tx, CONVERSATION, None, 10).await?
        };
        "conversations::latest_of", AllAudiences, |tx, _config| {
            conversations::latest_of(tx, CONNECTION, THEIR_CHANNEL, "U1").await?
        };
        "watched::look", AllAudiences, |tx, _config| {
            let look = watched::look(tx).await?;
            let mut conversations: Vec<_> = look.conversations.into_iter().collect();
            conversations.sort_unstable();
            (conversations, look.counters)
        };
        "home::status", AllAudiences, |tx, _config| home::status(tx, CONNECTION, "U1").await?;
        "home::talks", AllAudiences, |tx, _config| home::talks(tx, PERSON).await?;
    }
}

fn hand_over() -> Vec<Call> {
    calls! {
        "takeovers::take of what is being answered", AllAudiences, |tx, _config| {
            takeovers::take(tx, CONVERSATION, &Actor::System).await?
        };
        "takeovers::take of what is quiet", AllAudiences, |tx, _config| {
            takeovers::take(tx, QUIET, &Actor::System).await?
        };
        // Ours has a human already: the person only stops waiting.
        "takeovers::take again", AllAudiences, |tx, _config| takeovers::take(tx, HELD, &Actor::System).await?;
        "takeovers::release", AllAudiences, |tx, _config| takeovers::release(tx, HELD, &Actor::System).await?;
        "takeovers::reply", AllAudiences, |tx, _config| {
            takeovers::reply(tx, HELD, &Actor::System, "Grace", "I have a look.", true).await?
        };
        "takeovers::begin_sending", AllAudiences, |tx, _config| {
            let sending = takeovers::begin_sending(tx, REPLY).await?;
            sending.map(|sending| (sending.channel, sending.body, sending.attempts))
        };
        "takeovers::end_sending", AllAudiences, |tx, _config| {
            takeovers::end_sending(tx, REPLY, Ok("1.4")).await?
        };
    }
}

fn escalate() -> Vec<Call> {
    calls! {
        "escalations::open", AllAudiences, |tx, _config| {
            let new = New { conversation: QUIET, person: PERSON, message: None, cause: Cause::Rule(RULE, 1), reason: "it was said" };
            let opened = escalations::open(tx, &new).await?;
            let filter = escalations::Filter { state: Some(State::Waiting), meant_for: None };
            let listed = escalations::list(tx, filter, None, 10).await?;
            (opened, listed.into_iter().map(|one| (one.summary, one.meant_for)).collect::<Vec<_>>())
        };
        "escalations::list", AllAudiences, |tx, _config| {
            escalations::list(tx, escalations::Filter::default(), None, 10).await?
        };
        // Only theirs has one.
        "escalations::list of one member's", AllAudiences, |tx, _config| {
            let filter = escalations::Filter { state: None, meant_for: Some(OWNER) };
            escalations::list(tx, filter, None, 10).await?
        };
        "escalations::find", AllAudiences, |tx, _config| escalations::find(tx, ESCALATION).await?;
        "escalations::assign", AllAudiences, |tx, _config| {
            let ours = escalations::find(tx, ESCALATION).await?;
            let Some(ours) = ours else { return Ok("nothing".into()) };
            escalations::assign(tx, ours, &Actor::System, "somebody").await?.assigned_to
        };
        "escalations::remind", AllAudiences, |tx, _config| escalations::remind(tx, ESCALATION).await?;
        "notices::escalations_this_hour", AllAudiences, |tx, _config| notices::escalations_this_hour(tx).await?;
        "lanes::hold", AllAudiences, |tx, _config| {
            lane::hold(tx, &Lease { conversation: THEIR_CONVERSATION, fence: 0, ..lease() }).await?
        };
        "past::conversations", AllAudiences, |tx, _config| past::conversations(tx, None, 10, true).await?;
    }
}

fn by_rule() -> Vec<Call> {
    calls! {
        "escalation_rules::list", AllAudiences, |tx, _config| escalation_rules::list(tx).await?;
        "escalation_rules::versions", AllAudiences, |tx, _config| escalation_rules::versions(tx, RULE).await?;
        "escalation_rules::replace", AllAudiences, |tx, _config| {
            let Some(rule) = escalation_rules::lock(tx, RULE).await? else { return Ok("nothing".into()) };
            let made = escalation_rules::replace(tx, &Actor::System, &rule, &shape(), false).await?;
            (rule.name, made.version)
        };
        // Only theirs: refused.
        "escalation_rules::create", AllAudiences, |tx, _config| {
            let shape = Shape { assign_to: vec![THEIR_MEMBER], ..shape() };
            escalation_rules::create(tx, &Actor::System, &shape).await?.assign_to
        };
        "escalation_rules::check_members", AllAudiences, |tx, _config| {
            escalation_rules::check_members(tx, &[THEIR_MEMBER]).await?
        };
    }
}

fn shape() -> Shape {
    Shape { name: "new".into(), condition: "refund".into(), enabled: true, assign_to: Vec::new() }
}
