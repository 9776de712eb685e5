//! What stands beside the talk itself: summaries of what was said, for both tenants under the same ids.

use shared::{
    db::{
        agents,
        audit::Actor,
        conversations::related,
        rehearsals::{self, Draft, Outcome, cases, forks},
        runs::Basis,
        summaries::{self, Claimed, New, Spoken},
    },
    ids::{CaseId, ForkId, MessageId, RehearsalId, RunId, TenantId, TrialId},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    scene::{AGENT, CONNECTION, CONVERSATION, MEMORY, MESSAGE, PERSON, THEIR_CONVERSATION, THEM},
    statements::{Call, calls},
};

/// So long that a window leaves it out, and summed up already.
const LONG: Uuid = Uuid::from_u128(0xA0);
/// The same, without a summary.
const OPEN: MessageId = MessageId::from_uuid(Uuid::from_u128(0xA1));
const OPEN_MEMORY: Uuid = Uuid::from_u128(0xB3);
const BETWEEN: Uuid = Uuid::from_u128(0xB4);
const SUMMARY: Uuid = Uuid::from_u128(0xA2);
/// A run with everything that is recorded of one; and one that only they have.
const ASKED_RUN: RunId = RunId::from_uuid(Uuid::from_u128(0xA3));
const THEIR_RUN: RunId = RunId::from_uuid(Uuid::from_u128(0xA4));
const REPLAY: RehearsalId = RehearsalId::from_uuid(Uuid::from_u128(0xA5));
const FORK: ForkId = ForkId::from_uuid(Uuid::from_u128(0xA6));
const THEIR_FORK: ForkId = ForkId::from_uuid(Uuid::from_u128(0xA7));
const ANSWERED: Uuid = Uuid::from_u128(0xA8);
const CASE: CaseId = CaseId::from_uuid(Uuid::from_u128(0xAA));
const THEIR_CASE: CaseId = CaseId::from_uuid(Uuid::from_u128(0xAB));
const TRIAL: TrialId = TrialId::from_uuid(Uuid::from_u128(0xAC));
const TRIED: RehearsalId = RehearsalId::from_uuid(Uuid::from_u128(0xAD));
/// Of what both said in two conversations.
const VECTOR: &str = "(select array_agg(1.0) from generate_series(1, 384))::real[]::vector::halfvec";
const THEIR_MESSAGE: MessageId = MessageId::from_uuid(Uuid::from_u128(0xA9));

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, conversation, agent, open, person, connection] =
        [tenant_id.uuid(), CONVERSATION.uuid(), AGENT.uuid(), OPEN.uuid(), PERSON.uuid(), CONNECTION.uuid()];
    let later = if mark.ends_with('B') { 2 } else { 0 };
    let summaries = format!(
        "insert into messages (tenant_id, message_id, conversation_id, author_kind, operator_name, body, sent_at)
         values ('{tenant}', '{LONG}', '{conversation}', 'operator', '{mark}', '{mark} ' || repeat('a', 12000),
                 '2026-11-10T1{later}:00:00Z'),
                ('{tenant}', '{BETWEEN}', '{conversation}', 'operator', '{mark}', '{mark} between', '2026-11-11T11:00:00Z');
         insert into messages (tenant_id, message_id, conversation_id, author_kind, person_id, body, sent_at)
         values ('{tenant}', '{open}', '{conversation}', 'person', '{person}', repeat('b', 12001), '2026-11-11T1{later}:00:00Z');
         insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                               audience, body, to_learn_at)
         values ('{tenant}', '{OPEN_MEMORY}', '{open}', '{conversation}', 8, 1, '{person}', '2026-11-11T10:00:00Z',
                 'channel:{connection}:C1', '{mark} bb', null);
         insert into summaries (tenant_id, summary_id, conversation_id, agent_id, from_at, to_at, messages, body, outside)
         values ('{tenant}', '{SUMMARY}', '{conversation}', '{agent}', '2026-11-10T1{later}:00:00Z',
                 '2026-11-10T1{later}:00:00Z', 1, '{mark} said much', false);
         insert into summary_sources (tenant_id, message_id, summary_id) values ('{tenant}', '{LONG}', '{SUMMARY}');
         insert into summary_requests (tenant_id, conversation_id, asked_at)
         values ('{tenant}', '{conversation}', '2026-11-20T12:00:00Z');"
    );
    summaries + &rehearsed(tenant_id, mark) + &kept(tenant_id, mark) + &tagged(tenant_id, mark)
}

/// Both have a conversation that is tagged, and another with the same tag and something near said in it.
fn tagged(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, connection, conversation, person] =
        [tenant_id.uuid(), CONNECTION.uuid(), CONVERSATION.uuid(), PERSON.uuid()];
    let [other, said, near, told, here] = [0xAE, 0xAF, 0xB0, 0xB1, 0xB2].map(Uuid::from_u128);
    format!(
        "insert into conversation_tags (tenant_id, conversation_id, tag, created_by)
         values ('{tenant}', '{conversation}', '{mark}', '{mark}'), ('{tenant}', '{conversation}', 'both', '{mark}');
         insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id, kind)
         values ('{tenant}', '{other}', '{connection}', 'C1', '8.8', 'unknown');
         insert into conversation_tags (tenant_id, conversation_id, tag, created_by)
         values ('{tenant}', '{other}', 'both', '{mark}'), ('{tenant}', '{other}', '{mark}', '{mark}');
         insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
         values ('{tenant}', '{said}', '{other}', '8.8', 'person', '{person}', '{mark} there', '2026-11-20T11:00:00Z'),
                ('{tenant}', '{told}', '{conversation}', '0.9', 'person', '{person}', '{mark} here', '2026-11-19T11:00:00Z');
         insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                               audience, body, model, embedding)
         values ('{tenant}', '{near}', '{said}', '{other}', 0, 1, '{person}', '2026-11-20T11:00:00Z',
                 'channel:{connection}:C1', '{mark} there', 'all-MiniLM-L6-v2',
                 {VECTOR}),
                ('{tenant}', '{here}', '{told}', '{conversation}', 9, 1, '{person}', '2026-11-19T11:00:00Z',
                 'channel:{connection}:C1', '{mark} here', 'all-MiniLM-L6-v2', {VECTOR});"
    )
}

/// A case that blocks and was tried; they have as many as a tenant may have, and theirs passed.
fn kept(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, agent, case, theirs, trial, tried] =
        [tenant_id.uuid(), AGENT.uuid(), CASE.uuid(), THEIR_CASE.uuid(), TRIAL.uuid(), TRIED.uuid()];
    let complaints = if tenant_id == THEM { "array[]::text[]" } else { "array['no']" };
    let mut script = format!(
        "insert into cases (tenant_id, case_id, name, question, must_contain, must_cite, must_escalate, blocks, created_by)
         values ('{tenant}', '{case}', '{mark}', '{mark}?', array['{mark}'], array[]::text[], false, true, '{mark}');
         insert into rehearsals (tenant_id, rehearsal_id, kind, agent_id, with_memory, requested_by, question, case_id,
                                 trial_id, draft_hash, state, answer, complaints)
         values ('{tenant}', '{tried}', 'case', '{agent}', true, '{mark}', '{mark}?', '{case}', '{trial}', '\\x00', 'done',
                 '{mark}.', {complaints});"
    );
    if tenant_id == THEM {
        script += &format!(
            "insert into cases (tenant_id, case_id, name, question, must_contain, must_cite, must_escalate, blocks, created_by)
             select '{tenant}', case n when 1 then '{theirs}'::uuid else gen_random_uuid() end, '{mark}' || n, '{mark}?',
                    array['x'], array[]::text[], false, true, '{mark}'
               from generate_series(1, {} - 1) n;
             insert into rehearsals (tenant_id, rehearsal_id, kind, agent_id, with_memory, requested_by, question, case_id,
                                     trial_id, draft_hash)
             values ('{tenant}', gen_random_uuid(), 'case', '{agent}', true, '{mark}', '{mark}?', '{theirs}', '{theirs}', '\\x00');",
            cases::CASES_MAX
        );
    }
    script
}

fn case() -> cases::Shape {
    cases::Shape {
        name: "new".into(),
        question: "new?".into(),
        agent: None,
        must_contain: vec!["new".into()],
        must_cite: Vec::new(),
        must_escalate: false,
        blocks: false,
    }
}

/// A run that was replayed, a fork with an answer, and what only they have of that.
fn rehearsed(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, conversation, agent, run, replay, fork, message, memory, connection] = [
        tenant_id.uuid(),
        CONVERSATION.uuid(),
        AGENT.uuid(),
        ASKED_RUN.uuid(),
        REPLAY.uuid(),
        FORK.uuid(),
        OPEN.uuid(),
        MEMORY.uuid(),
        CONNECTION.uuid(),
    ];
    let mut script = format!(
        "insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state, recalled,
                           recall_scores, basis, started_at)
         values ('{tenant}', '{run}', '{conversation}', '{agent}', 0, 0, 1, 'done', array['{memory}']::uuid[], array[9.0],
                 '{{}}', '2026-11-20T13:00:00Z');
         insert into run_steps (tenant_id, run_id, step, request_hash, result)
         values ('{tenant}', '{run}', 'answer', '', '{{\"text\": \"{mark} answered\"}}');
         insert into rehearsals (tenant_id, rehearsal_id, kind, conversation_id, run_id, agent_id, model, with_memory,
                                 requested_by)
         values ('{tenant}', '{replay}', 'replay', '{conversation}', '{run}', '{agent}', '{mark}', true, '{mark}');
         insert into forks (tenant_id, fork_id, conversation_id, message_id, run_id, agent_id, model, with_memory, created_by)
         values ('{tenant}', '{fork}', '{conversation}', '{message}', '{run}', '{agent}', '{mark}', true, '{mark}');
         insert into rehearsals (tenant_id, rehearsal_id, kind, conversation_id, run_id, agent_id, with_memory, requested_by,
                                 fork_id, question, state, answer)
         values ('{tenant}', '{ANSWERED}', 'fork', '{conversation}', '{run}', '{agent}', true, '{mark}', '{fork}', '{mark}?',
                 'done', '{mark}.');"
    );
    if tenant_id == THEM {
        let (talk, theirs, forked, said) =
            (THEIR_CONVERSATION.uuid(), THEIR_RUN.uuid(), THEIR_FORK.uuid(), THEIR_MESSAGE.uuid());
        script += &format!(
            "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id,
                                        kind)
             values ('{tenant}', '{talk}', '{connection}', 'C1', '9.9', 'unknown') on conflict do nothing;
             insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence, state, basis)
             values ('{tenant}', '{theirs}', '{talk}', '{agent}', 9, 9, 1, 'done', '{{}}');
             insert into messages (tenant_id, message_id, conversation_id, author_kind, operator_name, body, sent_at)
             values ('{tenant}', '{said}', '{talk}', 'operator', '{mark}', '{mark}', '2026-11-10T12:00:00Z');
             insert into forks (tenant_id, fork_id, conversation_id, message_id, run_id, agent_id, with_memory, created_by)
             values ('{tenant}', '{forked}', '{talk}', '{said}', '{theirs}', '{agent}', true, '{mark}');
             insert into forks (tenant_id, fork_id, conversation_id, message_id, run_id, agent_id, with_memory, created_by)
             select '{tenant}', gen_random_uuid(), '{conversation}', '{message}', '{run}', '{agent}', true, '{mark}'
               from generate_series(1, 50);
             insert into rehearsals (tenant_id, rehearsal_id, kind, conversation_id, run_id, agent_id, with_memory, requested_by)
             select '{tenant}', gen_random_uuid(), 'replay', '{talk}', '{theirs}', '{agent}', true, '{mark}'
               from generate_series(1, 20);
             update channels set shared = true where tenant_id = '{tenant}' and external_id = 'C1';"
        );
    }
    script
}

fn claimed() -> Claimed {
    // As the scene has it: midday on 20 November.
    let asked_at = OffsetDateTime::from_unix_timestamp(1_795_176_000).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Claimed { conversation: CONVERSATION, asked_at }
}

pub fn all() -> Vec<Call> {
    let mut calls = of_summaries();
    calls.extend(of_replays());
    calls.extend(of_forks());
    calls.extend(of_cases());
    calls.extend(of_tags());
    calls
}

fn of_tags() -> Vec<Call> {
    calls! {
        "related::tags", AllAudiences, |tx, _config| related::tags(tx, CONVERSATION).await?;
        "related::tag", AllAudiences, |tx, _config| {
            related::tag(tx, &Actor::System, CONVERSATION, &["new".to_owned()].into()).await?
        };
        "related::tag theirs", AllAudiences, |tx, _config| {
            related::tag(tx, &Actor::System, THEIR_CONVERSATION, &["new".to_owned()].into()).await?
        };
        "related::related", AllAudiences, |tx, _config| related::related(tx, CONVERSATION).await?;
    }
}

fn of_cases() -> Vec<Call> {
    calls! {
        "agents::named", AllAudiences, |tx, _config| agents::named(tx, "Kona").await?;
        "cases::list", AllAudiences, |tx, _config| cases::list(tx).await?;
        "cases::find", AllAudiences, |tx, _config| cases::find(tx, CASE).await?;
        "cases::create", AllAudiences, |tx, _config| cases::create(tx, &Actor::System, &case()).await?.shape;
        "cases::change", AllAudiences, |tx, _config| {
            cases::change(tx, &Actor::System, CASE, &case()).await?.shape
        };
        "cases::change what only they have", AllAudiences, |tx, _config| {
            cases::change(tx, &Actor::System, THEIR_CASE, &case()).await?.shape
        };
        "cases::remove", AllAudiences, |tx, _config| cases::remove(tx, &Actor::System, CASE).await?;
        "cases::remove what only they have", AllAudiences, |tx, _config| {
            cases::remove(tx, &Actor::System, THEIR_CASE).await?
        };
        "cases::run", AllAudiences, |tx, _config| {
            cases::run(tx, &Actor::System, AGENT, &Draft::default(), None).await?.1
        };
        "cases::tried", AllAudiences, |tx, _config| {
            let tried = cases::tried(tx, TRIAL).await?;
            tried.into_iter().map(|tried| (tried.name, tried.answer.answer)).collect::<Vec<_>>()
        };
        "cases::complain", AllAudiences, |tx, _config| cases::complain(tx, TRIED, &["new".into()]).await?;
        "cases::in_the_way", AllAudiences, |tx, _config| cases::in_the_way(tx, AGENT, &[0]).await?;
    }
}

fn of_replays() -> Vec<Call> {
    calls! {
        "rehearsals::replay", AllAudiences, |tx, _config| {
            rehearsals::replay(tx, &Actor::System, (CONVERSATION, ASKED_RUN), &Draft::default(), true).await?.draft
        };
        "rehearsals::replay of what only they have", AllAudiences, |tx, _config| {
            let theirs = (THEIR_CONVERSATION, THEIR_RUN);
            rehearsals::replay(tx, &Actor::System, theirs, &Draft::default(), true).await?.draft
        };
        "rehearsals::is_run_of", AllAudiences, |tx, _config| {
            rehearsals::is_run_of(tx, THEIR_CONVERSATION, THEIR_RUN).await?
        };
        "rehearsals::replays", AllAudiences, |tx, _config| {
            let (original, replays) = rehearsals::replays(tx, ASKED_RUN).await?;
            (original, replays.into_iter().map(|replay| replay.draft).collect::<Vec<_>>())
        };
        "rehearsals::claim", AllAudiences, |tx, _config| {
            rehearsals::claim(tx).await?.map(|claimed| (claimed.id, claimed.draft))
        };
        "rehearsals::material of a replay", AllAudiences, |tx, _config| {
            let claimed = rehearsals::claim(tx).await?.ok_or(shared::db::DbError::NotFound)?;
            rehearsals::material(tx, &claimed).await?.map(|found| {
                (found.tenant_name, found.agent.instructions, found.window, found.summaries, found.memories)
            })
        };
        "rehearsals::material of a fork", AllAudiences, |tx, _config| {
            let mut claimed = rehearsals::claim(tx).await?.ok_or(shared::db::DbError::NotFound)?;
            claimed.fork = Some(FORK);
            rehearsals::material(tx, &claimed).await?.map(|found| {
                let window = found.window.into_iter().map(|line| (line.author, line.body)).collect::<Vec<_>>();
                (window, found.place)
            })
        };
        "rehearsals::finish", AllAudiences, |tx, _config| {
            let basis = Basis::default();
            let outcome =
                Outcome::Answered { text: "new", by: "m", input_tokens: 1, output_tokens: 1, basis: &basis };
            rehearsals::finish(tx, REPLAY, &outcome).await?
        };
    }
}

fn of_forks() -> Vec<Call> {
    calls! {
        "forks::open", AllAudiences, |tx, _config| {
            let at = (CONVERSATION, MESSAGE);
            forks::open(tx, &Actor::System, at, &Draft::default(), true).await?.draft
        };
        "forks::open where only they are", AllAudiences, |tx, _config| {
            let at = (THEIR_CONVERSATION, THEIR_MESSAGE);
            forks::open(tx, &Actor::System, at, &Draft::default(), true).await?.draft
        };
        "forks::list", AllAudiences, |tx, _config| {
            let found = forks::list(tx, CONVERSATION).await?;
            found.into_iter().map(|fork| fork.draft).collect::<Vec<_>>()
        };
        "forks::find", AllAudiences, |tx, _config| forks::find(tx, FORK).await?.map(|fork| fork.draft);
        "forks::exchanges", AllAudiences, |tx, _config| {
            let found = forks::exchanges(tx, FORK).await?;
            found.into_iter().map(|exchange| (exchange.question, exchange.answer.answer)).collect::<Vec<_>>()
        };
        "forks::beside", AllAudiences, |tx, _config| {
            let fork = forks::find(tx, FORK).await?.ok_or(shared::db::DbError::NotFound)?;
            let found = forks::beside(tx, &fork).await?;
            found.into_iter().map(|message| (message.author, message.body.len())).collect::<Vec<_>>()
        };
        "forks::say", AllAudiences, |tx, _config| {
            forks::say(tx, &Actor::System, FORK, Some("And now?")).await?.draft
        };
        "forks::say in theirs", AllAudiences, |tx, _config| {
            forks::say(tx, &Actor::System, THEIR_FORK, Some("And now?")).await?.draft
        };
        "forks::remove", AllAudiences, |tx, _config| forks::remove(tx, &Actor::System, FORK).await?;
        "forks::remove theirs", AllAudiences, |tx, _config| forks::remove(tx, &Actor::System, THEIR_FORK).await?;
    }
}

fn of_summaries() -> Vec<Call> {
    calls! {
        "summaries::newest", AllAudiences, |tx, _config| {
            let newest = summaries::newest(tx, CONVERSATION, None).await?;
            newest.into_iter().map(|summary| summary.body).collect::<Vec<_>>()
        };
        "summaries::claim", AllAudiences, |tx, _config| {
            summaries::claim(tx).await?.map(|claimed| claimed.conversation)
        };
        "summaries::spoken", AllAudiences, |tx, _config| {
            let spoken = summaries::spoken(tx, CONVERSATION).await?;
            spoken.into_iter().map(|spoken| (spoken.author, spoken.covered)).collect::<Vec<_>>()
        };
        "summaries::store", AllAudiences, |tx, _config| {
            let mut open: Vec<Spoken> = summaries::spoken(tx, CONVERSATION).await?;
            open.retain(|spoken| !spoken.covered);
            let new = New { conversation: CONVERSATION, agent: AGENT, body: "new", of: &open };
            (summaries::store(tx, &new).await?, open.len())
        };
        "summaries::release", AllAudiences, |tx, _config| summaries::release(tx, &claimed(), false).await?;
        "summaries::put_off", AllAudiences, |tx, _config| summaries::put_off(tx, CONVERSATION).await?;
    }
}
