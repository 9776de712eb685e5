//! What is recorded of answers and acts, and everything that shows it on a screen: memories with their origin, traces, and
//! the audit log.

use shared::{
    db::{
        audit::Actor,
        audit_chain, audit_pages,
        origins::{self, Filter},
        traces,
    },
    ids::TenantId,
};

use super::{
    scene::{AGENT, CONVERSATION, MEMBER, MEMORY, PERSON, RUN, THEIR_MEMBER, THEM},
    statements::{Call, calls},
};

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, conversation, agent, run, memory] =
        [tenant_id.uuid(), CONVERSATION.uuid(), AGENT.uuid(), RUN.uuid(), MEMORY.uuid()];
    let score = if tenant_id == THEM { 1 } else { 2 };
    format!(
        "update runs set recalled = array['{memory}'::uuid], recall_scores = array[{score}]
          where tenant_id = '{tenant}' and run_id = '{run}';
         insert into usage (tenant_id, usage_id, run_id, agent_id, conversation_id, purpose, model, key_owner, status,
                            input_tokens, output_tokens, estimated)
         values ('{tenant}', '{memory}', '{run}', '{agent}', '{conversation}', 'answer', '{mark}', 'platform', 'ok', 1, 1,
                 false);
         select audit_append('user', '{MEMBER}', 'agent.shape', 'agent', '{mark}', '{{}}'),
                audit_append('user', '{THEIR_MEMBER}', 'agent.shape', 'agent', '{mark}', '{{}}');"
    )
}

pub fn all() -> Vec<Call> {
    calls! {
        "origins::list", AllAudiences, |tx, _config| origins::list(tx, &Filter::default(), 10).await?;
        "origins::list of some words", AllAudiences, |tx, _config| {
            origins::list(tx, &Filter { words: "said", ..Filter::default() }, 10).await?
        };
        "origins::list of former facts", AllAudiences, |tx, _config| {
            origins::list(tx, &Filter { closed: true, ..Filter::default() }, 10).await?
        };
        "origins::list of a person's in a place", AllAudiences, |tx, _config| {
            origins::list(tx, &Filter { person: Some(PERSON), place: Some("C1"), ..Filter::default() }, 10).await?
        };
        "origins::find", AllAudiences, |tx, _config| origins::find(tx, MEMORY).await?;
        "origins::uses", AllAudiences, |tx, _config| origins::uses(tx, MEMORY).await?;
        "origins::forget", AllAudiences, |tx, _config| origins::forget(tx, &Actor::System, MEMORY).await?;
        "traces::steps", AllAudiences, |tx, _config| traces::steps(tx, CONVERSATION, None, 10).await?;
        "traces::evidence: calls", AllAudiences, |tx, _config| traces::evidence(tx, &[RUN]).await?.calls;
        "traces::evidence: deliveries", AllAudiences, |tx, _config| traces::evidence(tx, &[RUN]).await?.deliveries;
        "traces::evidence: opinions", AllAudiences, |tx, _config| traces::evidence(tx, &[RUN]).await?.opinions;
        "traces::reminders", AllAudiences, |tx, _config| traces::reminders(tx, &[MEMORY]).await?;
        "audit_pages::list", AllAudiences, |tx, _config| {
            audit_pages::list(tx, &audit_pages::Filter::default(), 10).await?
        };
        "audit_chain::verify", AllAudiences, |tx, _config| audit_chain::verify(tx, &Default::default()).await?;
    }
}
