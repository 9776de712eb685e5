//! What agents know beside what was said: facts of both tenants under the same ids, and documents. They have as many documents
//! as a tenant may have.

use shared::{
    db::{
        audit::Actor,
        documents::{self, DOCUMENTS_MAX, NewDocument},
        facts::{self, Correction, Drawn},
        usage::{self, CallStatus, ModelCall},
    },
    ids::{DocumentId, MemoryId, RunId, TenantId},
};
use uuid::Uuid;

use super::{
    scene::{AGENT, CONNECTION, CONVERSATION, MEMORY, MESSAGE, THEIR_CONVERSATION, THEM},
    statements::{Call, calls},
};

const FACT: MemoryId = MemoryId::from_uuid(Uuid::from_u128(0x90));
/// Holds no longer; only theirs.
const THEIR_FACT: MemoryId = MemoryId::from_uuid(Uuid::from_u128(0x91));
const DOCUMENT: DocumentId = DocumentId::from_uuid(Uuid::from_u128(0x92));
const PASSAGE: Uuid = Uuid::from_u128(0x93);
const THEIR_DOCUMENT: DocumentId = DocumentId::from_uuid(Uuid::from_u128(0x94));
const THEIR_RUN: RunId = RunId::from_uuid(Uuid::from_u128(0x95));

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, connection, conversation, agent, message, memory, fact, document] = [
        tenant_id.uuid(),
        CONNECTION.uuid(),
        CONVERSATION.uuid(),
        AGENT.uuid(),
        MESSAGE.uuid(),
        MEMORY.uuid(),
        FACT.uuid(),
        DOCUMENT.uuid(),
    ];
    let fact_of = |id: Uuid, until: &str| {
        format!(
            "insert into memories (tenant_id, memory_id, kind, segment, position, said_at, audience, body, subject, attribute,
                                   value, value_key, single, valid_until, to_learn_at)
             values ('{tenant}', '{id}', 'fact', 0, 0, '2026-11-20T10:00:00Z', 'channel:{connection}:C1', '{mark} is so', 'it',
                     'is', '{mark}', '{mark}', true, {until}, null);
             insert into fact_sources (tenant_id, memory_id, message_id, quoted)
             values ('{tenant}', '{id}', '{message}', true);"
        )
    };
    let mut script = format!(
        "update agents set model = '{mark}' where tenant_id = '{tenant}' and agent_id = '{agent}';
         update memories set to_learn_at = date_trunc('hour', now()) where tenant_id = '{tenant}' and memory_id = '{memory}';
         insert into learnings (tenant_id, conversation_id, since) values ('{tenant}', '{conversation}', now());
         {}
         insert into documents (tenant_id, document_id, title, name, content_type, size, created_by)
         values ('{tenant}', '{document}', '{mark} handbook', '{mark}', 'text/plain', 1, '{mark}');
         insert into document_agents (tenant_id, document_id, agent_id) values ('{tenant}', '{document}', '{agent}');
         insert into memories (tenant_id, memory_id, kind, document_id, segment, position, said_at, audience, body, to_learn_at)
         values ('{tenant}', '{PASSAGE}', 'passage', '{document}', 0, 1, now(), 'agent:{agent}', '{mark} writes', null);",
        fact_of(fact, "null")
    );
    if tenant_id == THEM {
        let (theirs, run, talk) = (THEIR_DOCUMENT.uuid(), THEIR_RUN.uuid(), THEIR_CONVERSATION.uuid());
        script += &fact_of(THEIR_FACT.uuid(), "'2026-11-20T11:00:00Z'");
        script += &format!(
            "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, thread_external_id, kind)
             values ('{tenant}', '{talk}', '{connection}', 'C1', '9.9', 'unknown') on conflict do nothing;
             insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence)
             values ('{tenant}', '{run}', '{talk}', '{agent}', 1, 1, 1);
             insert into documents (tenant_id, document_id, title, name, content_type, size, created_by)
             select '{tenant}', case n when 1 then '{theirs}'::uuid else gen_random_uuid() end, '{mark}', '{mark}', '', 1,
                    '{mark}'
               from generate_series(1, {DOCUMENTS_MAX} - 1) n;"
        );
    }
    script
}

fn correction() -> Correction<'static> {
    Correction { text: "It is otherwise.", value: "otherwise", value_key: "otherwise" }
}

pub fn all() -> Vec<Call> {
    let mut calls = of_facts();
    calls.extend(of_documents());
    calls
}

fn of_facts() -> Vec<Call> {
    calls! {
        "facts::claim", AllAudiences, |tx, _config| facts::claim(tx, 0.0).await?;
        "facts::sources", AllAudiences, |tx, _config| {
            let sources = facts::sources(tx, CONVERSATION).await?;
            sources.into_iter().map(|source| source.body).collect::<Vec<_>>()
        };
        "facts::asker", AllAudiences, |tx, _config| facts::asker(tx, CONVERSATION).await?;
        "facts::learn", AllAudiences, |tx, _config| {
            let read = facts::sources(tx, CONVERSATION).await?;
            let drawn = Drawn {
                from: MEMORY,
                subject: "it".into(),
                attribute: "is".into(),
                value: "new".into(),
                value_key: "new".into(),
                single: true,
                decision: false,
                quote: "It is new.".into(),
            };
            facts::learn(tx, CONVERSATION, &read, &[drawn]).await?
        };
        "facts::put_off", AllAudiences, |tx, _config| facts::put_off(tx, CONVERSATION).await?;
        "facts::correct", AllAudiences, |tx, _config| {
            facts::correct(tx, &Actor::System, FACT, &correction()).await?
        };
        "facts::correct what only they have", AllAudiences, |tx, _config| {
            facts::correct(tx, &Actor::System, THEIR_FACT, &correction()).await?
        };
        "usage::book_afterwards", AllAudiences, |tx, _config| {
            let call = ModelCall::new("simulated-1", CallStatus::Ok);
            usage::book_afterwards(tx, THEIR_RUN, "extraction", &[call]).await?
        };
    }
}

fn of_documents() -> Vec<Call> {
    calls! {
        "documents::create", AllAudiences, |tx, _config| {
            let new = NewDocument {
                id: DocumentId::new(),
                title: "new",
                name: "new.txt",
                content_type: "text/plain",
                size: 1,
                agents: &[AGENT],
            };
            documents::create(tx, &Actor::System, &new).await?.title
        };
        "documents::list", AllAudiences, |tx, _config| {
            let found = documents::list(tx, None, 2_000).await?;
            found.into_iter().map(|document| (document.title, document.agents)).collect::<Vec<_>>()
        };
        "documents::find", AllAudiences, |tx, _config| {
            documents::find(tx, DOCUMENT).await?.map(|document| (document.title, document.agents))
        };
        "documents::store", AllAudiences, |tx, _config| {
            documents::store(tx, DOCUMENT, &["A passage.".into()], None).await?
        };
        "documents::refuse", AllAudiences, |tx, _config| documents::refuse(tx, DOCUMENT, "no").await?;
        "documents::remove", AllAudiences, |tx, _config| documents::remove(tx, &Actor::System, DOCUMENT).await?;
        "documents::remove what only they have", AllAudiences, |tx, _config| {
            documents::remove(tx, &Actor::System, THEIR_DOCUMENT).await?
        };
    }
}
