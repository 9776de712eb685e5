//! Somebody whom both tenants erase, with something of theirs in every table that an erasure knows; and what both keep for a
//! while only.

use shared::{
    db::{
        SystemDb,
        audit::Actor,
        people,
        people_pages::{self, Filter},
        privacy::{
            self, Files, PARTS, endings,
            retention::{self, Retention},
        },
    },
    ids::{ErasureId, PersonId, TenantId},
};
use time::macros::datetime;
use uuid::Uuid;

use super::{
    scene::{AGENT, CONNECTION, FENCE, THEM, US},
    statements::{Call, calls},
};

const GONE: PersonId = PersonId::from_uuid(Uuid::from_u128(0x200));
const KNOWN_AS: &str = "UGONE";
const ERASURE: ErasureId = ErasureId::from_uuid(Uuid::from_u128(0x201));
/// A conversation that only they and the agent have.
const OWN_TALK: Uuid = Uuid::from_u128(0x202);
const CHANNEL: &str = "DGONE";

/// What the accept path wrote.
pub fn received(tenant_id: TenantId, mark: &str) -> String {
    let (tenant, connection, waits) = (tenant_id.uuid(), CONNECTION.uuid(), Uuid::from_u128(0x203));
    let normalized = |n: u8| {
        format!(
            "'{{\"external_id\": \"9.{n}\", \"channel\": \"{CHANNEL}\", \"thread\": \"9.1\", \"channel_kind\": \"direct\",
               \"author\": \"{KNOWN_AS}\", \"text\": \"{mark} {n}\", \"sent_at\": \"2026-11-10T12:00:00Z\"}}'"
        )
    };
    format!(
        "insert into lanes (tenant_id, conversation_id, connection_id, last_seq)
         values ('{tenant}', '{OWN_TALK}', '{connection}', 1), ('{tenant}', '{waits}', '{connection}', 1);
         insert into inbox (tenant_id, conversation_id, seq, connection_id, addressed, raw, normalized, state, received_at)
         values ('{tenant}', '{OWN_TALK}', 1, '{connection}', true, '{mark}', {}, 'replied', now() - interval '10 days'),
                ('{tenant}', '{waits}', 1, '{connection}', true, '{mark}', {}, 'pending', now());",
        normalized(1),
        normalized(2)
    )
}

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let (tenant, connection, agent, person) = (tenant_id.uuid(), CONNECTION.uuid(), AGENT.uuid(), GONE.uuid());
    let days = if tenant_id == THEM { 7 } else { 14 };
    let [run, message, file, outbox, call, approval, memory, summary, act, other] =
        [0x210, 0x211, 0x212, 0x213, 0x214, 0x215, 0x216, 0x217, 0x218, 0x219].map(Uuid::from_u128);
    let [escalation, notice, follow_up, routine, budget, usage, fork, rehearsal, endpoint, before] =
        [0x220, 0x221, 0x222, 0x223, 0x224, 0x225, 0x226, 0x227, 0x228, 0x229].map(Uuid::from_u128);
    let (old, erasure) = ("now() - interval '10 days'", ERASURE.uuid());
    let words = words(tenant, mark, [run, message, outbox, memory, summary, fork, rehearsal]);
    format!(
        "insert into people (tenant_id, person_id, connection_id, external_id, display_name, merged_into)
         values ('{tenant}', '{person}', '{connection}', '{KNOWN_AS}', '{mark} Gone', null),
                ('{tenant}', '{before}', '{connection}', '{KNOWN_AS}#{before}', '{mark} Gone', '{person}');
         insert into channels (tenant_id, connection_id, external_id, kind, name)
         values ('{tenant}', '{connection}', '{CHANNEL}', 'direct', '{mark}');
         insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind)
         values ('{tenant}', '{OWN_TALK}', '{connection}', '{CHANNEL}', 'direct');
         insert into erasures (tenant_id, erasure_id, people, actor_kind, actor_id)
         values ('{tenant}', '{erasure}', array['{person}'::uuid], 'system', '{mark}');
         insert into retention (tenant_id, inbox_days) values ('{tenant}', {days});
         {words}
         insert into media (tenant_id, media_id, connection_id, conversation_id, message_id, part, reference, name, state, created_at)
         values ('{tenant}', '{file}', '{connection}', '{OWN_TALK}', '{message}', 1, 'slack-file://F9', '{mark}', 'stored', {old});
         insert into delivery_statuses (tenant_id, connection_id, external_id, outbox_id, status, rank, changed_at)
         values ('{tenant}', '{connection}', 'wamid.9', '{outbox}', 'sent', 1, now());
         insert into tool_calls (tenant_id, call_id, run_id, conversation_id, person_id, step, position, name, class,
                                 arguments, digest, state, fence, finished_at)
         values ('{tenant}', '{call}', '{run}', '{OWN_TALK}', '{person}', 1, 1, 'recall', 'read', '{{\"a\": \"{mark}\"}}',
                 '{mark}', 'done', {FENCE}, {old});
         insert into approvals (tenant_id, approval_id, call_id, state, digest, decided_kind, decided_by, decided_name,
                                decided_at, expires_at)
         values ('{tenant}', '{approval}', '{call}', 'approved', '{mark}', 'person', '{GONE}', '{mark}', now(), now());
         insert into interactions (tenant_id, interaction_id, connection_id, identity, act, external_user,
                                   channel_external_id, raw, detail, state, received_at)
         values ('{tenant}', '{act}', '{connection}', '{other}', 'ask', '{KNOWN_AS}', 'C1', '{mark}', '{{}}', 'done', {old}),
                ('{tenant}', '{other}', '{connection}', '{act}', 'ask', 'U3', 'C1', '{mark} of {KNOWN_AS}', '{{}}', 'done', now());
         insert into escalations (tenant_id, escalation_id, conversation_id, state, reason, person_id, summary, closed_at)
         values ('{tenant}', '{escalation}', '{OWN_TALK}', 'closed', '{mark}', '{person}', '{mark}', {old});
         insert into notices (tenant_id, notice_id, kind, conversation_id, body, created_at)
         values ('{tenant}', '{notice}', 'escalation', '{OWN_TALK}', '{mark}', {old});
         insert into feedback (tenant_id, run_id, person_id, verdict, comment, source, changed_at)
         values ('{tenant}', '{run}', '{person}', 'bad', '{mark}', 'button', {old});
         insert into follow_ups (tenant_id, follow_up_id, conversation_id, run_id, person_id, about, due_at, state, ended_at)
         values ('{tenant}', '{follow_up}', '{OWN_TALK}', '{run}', '{person}', '{mark}', now() + interval '1 day', 'waiting', null),
                ('{tenant}', '{other}', '{OWN_TALK}', '{run}', '{person}', '{mark}', now(), 'cancelled', {old});
         insert into routines (tenant_id, routine_id, agent_id, connection_id, channel_external_id, conversation_id, name,
                               instruction, schedule, business_hours, enabled, created_by)
         values ('{tenant}', '{routine}', '{agent}', '{connection}', '{CHANNEL}', '{OWN_TALK}', '{mark} gone', '{mark}',
                 '0 9 * * *', false, false, '{mark}');
         insert into routine_runs (tenant_id, routine_run_id, routine_id, due_at, agent_id, instruction, begun_by)
         values ('{tenant}', '{routine}', '{routine}', now(), '{agent}', '{mark}', '{mark}');
         insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, person_id, purpose, model, key_owner, status,
                            input_tokens, output_tokens, estimated)
         values ('{tenant}', '{usage}', '{run}', '{agent}', '{OWN_TALK}', '{person}', 'answer', 'm', 'platform', 'ok', 1, 1, false);
         insert into budgets (tenant_id, budget_id, scope, person_id, period, time_zone, period_start)
         values ('{tenant}', '{budget}', 'person', '{person}', 'day', 'UTC', '2026-11-10T00:00:00Z');
         insert into budget_reservations (tenant_id, usage_id, budget_id, agent_id, run_id, conversation_id, person_id, model, key_owner,
                                          input_tokens, output_tokens, amount_micro_usd)
         values ('{tenant}', '{usage}', '{budget}', '{agent}', '{run}', '{OWN_TALK}', '{person}', 'm', 'platform', 1, 1, 1);
         insert into conversation_notes (tenant_id, note_id, conversation_id, body, created_by, created_at)
         values ('{tenant}', '{routine}', '{OWN_TALK}', '{mark}', '{mark}', {old});
         insert into conversation_tags (tenant_id, conversation_id, tag, created_by)
         values ('{tenant}', '{OWN_TALK}', '{mark}', '{mark}');
         insert into jobs (tenant_id, job_id, kind, payload, state, finished_at)
         values ('{tenant}', '{routine}', 'publish_home', '{{\"kind\": \"publish_home\", \"person\": \"{GONE}\"}}', 'done',
                 {old} - interval '30 days');
         insert into webhook_endpoints (tenant_id, endpoint_id, url, enabled, told_n, created_by)
         values ('{tenant}', '{endpoint}', 'https://example.com/{mark}', false, 0, '{mark}');
         insert into webhook_deliveries (tenant_id, delivery_id, endpoint_id, n, state, finished_at)
         values ('{tenant}', '{endpoint}', '{endpoint}', 1, 'delivered', {old});"
    )
}

/// What was said, and what went out.
fn words(tenant: Uuid, mark: &str, ids: [Uuid; 7]) -> String {
    let (agent, person) = (AGENT.uuid(), GONE.uuid());
    let [run, message, outbox, memory, summary, fork, rehearsal] = ids;
    let (answer, fact, old) = (Uuid::from_u128(0x230), Uuid::from_u128(0x231), "now() - interval '10 days'");
    format!(
        "insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state, finished_at)
         values ('{tenant}', '{run}', '{OWN_TALK}', '{agent}', 1, 1, {FENCE}, 'done', now());
         insert into run_steps (tenant_id, run_id, step, request_hash, result, created_at)
         values ('{tenant}', '{run}', 'answer', 'x', '\"{mark}\"', {old});
         insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, agent_id,
                               run_id, operator_name, body, sent_at)
         values ('{tenant}', '{message}', '{OWN_TALK}', '9.1', 'person', '{person}', null, null, null, '{mark}', {old}),
                ('{tenant}', '{answer}', '{OWN_TALK}', '9.2', 'agent', null, '{agent}', '{run}', '{mark} Gone', '{mark}', {old});
         insert into message_changes (tenant_id, conversation_id, external_id, kind, changed_at, body, received_at,
                                      applied_at)
         values ('{tenant}', '{OWN_TALK}', '9.1', 'edit', {old}, '{mark}', {old}, {old});
         insert into outbox (tenant_id, outbox_id, conversation_id, run_id, kind, operation, body, state, external_id, fence,
                             created_at)
         values ('{tenant}', '{outbox}', '{OWN_TALK}', '{run}', 'answer', 'post', '{mark}', 'sent', '9.2', {FENCE}, {old});
         insert into outbox_parts (tenant_id, outbox_id, n, text, fence, created_at)
         values ('{tenant}', '{outbox}', 1, '{mark}', {FENCE}, {old});
         insert into sent_files (tenant_id, outbox_id, name, content_type, size)
         values ('{tenant}', '{outbox}', '{mark}', 'text/plain', 1);
         insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                               audience, body)
         values ('{tenant}', '{memory}', '{message}', '{OWN_TALK}', 0, 1, '{person}', {old}, 'person:{person}', '{mark}');
         insert into summaries (tenant_id, summary_id, conversation_id, agent_id, from_at, to_at, messages, body, outside)
         values ('{tenant}', '{summary}', '{OWN_TALK}', '{agent}', {old}, {old}, 1, '{mark}', false);
         insert into memories (tenant_id, memory_id, segment, position, said_at, audience, body, kind, subject, attribute,
                               value, value_key)
         values ('{tenant}', '{fact}', 0, 1, {old}, 'tenant', '{mark}', 'fact', '{mark}', 'badge', '{mark}', '{mark}');
         insert into forks (tenant_id, fork_id, conversation_id, message_id, run_id, agent_id, with_memory, created_by, created_at)
         values ('{tenant}', '{fork}', '{OWN_TALK}', '{message}', '{run}', '{agent}', true, '{mark}', {old});
         insert into rehearsals (tenant_id, rehearsal_id, kind, conversation_id, run_id, agent_id, with_memory, state,
                                 answer, requested_by, created_at)
         values ('{tenant}', '{rehearsal}', 'replay', '{OWN_TALK}', '{run}', '{agent}', true, 'done', '{mark}', '{mark}', {old});"
    )
}

const A_DAY: Retention = Retention {
    messages_days: Some(1),
    facts_days: Some(1),
    inbox_days: Some(1),
    runs_days: Some(1),
    deliveries_days: Some(1),
    jobs_days: Some(1),
};

pub fn all() -> Vec<Call> {
    calls! {
        "people::known_as", AllAudiences, |tx, _config| people::known_as(tx, KNOWN_AS).await?;
        "privacy::still_known", AllAudiences, |tx, _config| privacy::still_known(tx, &[GONE]).await?;
        "privacy::request", AllAudiences, |tx, _config| {
            let id = privacy::request(tx, &Actor::System, &[GONE]).await?;
            privacy::take(tx, id).await?.people
        };
        "privacy::list", AllAudiences, |tx, _config| {
            privacy::list(tx).await?.into_iter().map(|erasure| erasure.actor).collect::<Vec<_>>()
        };
        "privacy::take", AllAudiences, |tx, _config| privacy::take(tx, ERASURE).await?.actor;
        "privacy::note_hidden", AllAudiences, |tx, _config| privacy::note_hidden(tx, ERASURE).await?;
        "privacy::note_subjects", AllAudiences, |tx, _config| {
            privacy::note_subjects(tx, ERASURE, &[OWN_TALK]).await?
        };
        "privacy::finish", AllAudiences, |tx, _config| privacy::finish(tx, ERASURE).await?;
        "privacy::certify", AllAudiences, |tx, _config| privacy::certify(tx, ERASURE, "ours").await?;
        "privacy::addresses", AllAudiences, |tx, _config| privacy::addresses(tx, &[GONE]).await?;
        "privacy::subject", AllAudiences, |tx, _config| privacy::subject(tx, &[GONE]).await?;
        "privacy::settle", AllAudiences, |tx, _config| {
            let subject = privacy::subject(tx, &[GONE]).await?;
            privacy::settle(tx, &subject, datetime!(2026-11-10 12:00 UTC)).await?
        };
        "privacy::files", AllAudiences, |tx, _config| {
            let subject = privacy::subject(tx, &[GONE]).await?;
            let Files { media, made } = privacy::files(tx, &subject).await?;
            (media, made)
        };
        "privacy::hide", AllAudiences, |tx, _config| {
            let subject = privacy::subject(tx, &[GONE]).await?;
            privacy::hide(tx, &subject, 100).await?
        };
        "privacy::erase", AllAudiences, |tx, _config| {
            let subject = privacy::subject(tx, &[GONE]).await?;
            let mut counts = Vec::new();
            for part in &PARTS {
                counts.push(privacy::erase(tx, ERASURE, &subject, part, 100).await?);
            }
            counts
        };
        "people_pages::list", AllAudiences, |tx, _config| {
            people_pages::list(tx, &Filter::default(), 100).await?
        };
        "people_pages::of_human", AllAudiences, |tx, _config| people_pages::of_human(tx, GONE).await?;
        "privacy::forecast", AllAudiences, |tx, _config| privacy::forecast(tx, &[GONE]).await?;
        "privacy::export", AllAudiences, |tx, _config| {
            privacy::export(tx, &Actor::System, &[GONE]).await?.rows
        };
        "retention::get", AllAudiences, |tx, _config| retention::get(tx).await?;
        "retention::purge", AllAudiences, |tx, _config| retention::purge(tx, &A_DAY, 100).await?;
        "retention::files", AllAudiences, |tx, _config| {
            let Files { media, made } = retention::files(tx, &A_DAY, 100).await?;
            (media, made)
        };
        "retention::note_erased", AllAudiences, |tx, _config| {
            let files = retention::files(tx, &A_DAY, 100).await?;
            retention::note_erased(tx, &files).await?
        };
    }
}

/// What the system role says and does when our tenant ends.
pub async fn end(system: &SystemDb) -> String {
    let begun = endings::begin(system, &Actor::System, US).await.is_ok();
    let under_way = endings::under_way(system, US).await;
    let noted = endings::note_audit(system, US).await;
    let known = endings::find(system, US).await.map(|known| known.map(|known| known.audit.0));
    format!("{begun} {under_way:?} {noted:?} {known:?}")
}
