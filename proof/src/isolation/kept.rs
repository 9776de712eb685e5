//! What agents were before they were changed, and jobs that were given up, of both tenants under the same ids.

use shared::{
    db::{agent_versions, audit::Actor},
    ids::{JobId, TenantId},
    queue,
};
use uuid::Uuid;

use super::{
    scene::{AGENT, THEM},
    singly::THEIR_AGENT,
    statements::{Call, calls},
};

/// Given up by both.
const DEAD: JobId = JobId::from_uuid(Uuid::from_u128(0xA0));
/// Given up by them; ours still waits.
const THEIR_DEAD: JobId = JobId::from_uuid(Uuid::from_u128(0xA1));

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, agent, dead, theirs] = [tenant_id.uuid(), AGENT.uuid(), DEAD.uuid(), THEIR_DEAD.uuid()];
    let them = tenant_id == THEM;
    let state = if them { "dead" } else { "queued" };
    let mut script = format!(
        "insert into agent_versions (tenant_id, agent_id, version, shape, actor_kind, actor_id)
         values ('{tenant}', '{agent}', 1, '{{\"role\": \"{mark}\"}}', 'system', '{mark}');
         insert into jobs (tenant_id, job_id, kind, payload, state, run_after)
         values ('{tenant}', '{dead}', 'fetch_person_profile', '{{\"kind\": \"{mark}\"}}', 'dead', now()),
                ('{tenant}', '{theirs}', 'fetch_person_profile', '{{\"kind\": \"{mark}\"}}', '{state}',
                 now() + interval '1 year');"
    );
    if them {
        script += &format!(
            "insert into agent_versions (tenant_id, agent_id, version, shape, actor_kind, actor_id)
             values ('{tenant}', '{agent}', 2, '{{\"role\": \"{mark}\"}}', 'system', '{mark}');"
        );
    }
    script
}

pub fn all() -> Vec<Call> {
    calls! {
        "agent_versions::lock", AllAudiences, |tx, _config| agent_versions::lock(tx, "Kona").await?;
        "agent_versions::lock of what only they have", AllAudiences, |tx, _config| {
            agent_versions::lock(tx, THEIR_AGENT).await?
        };
        "agent_versions::latest", AllAudiences, |tx, _config| agent_versions::latest(tx, AGENT).await?;
        "agent_versions::current", AllAudiences, |tx, _config| agent_versions::current(tx).await?;
        "agent_versions::list", AllAudiences, |tx, _config| {
            let found = agent_versions::list(tx, AGENT).await?;
            found.into_iter().map(|version| (version.version, version.actor)).collect::<Vec<_>>()
        };
        "queue::retry", AllAudiences, |tx, _config| queue::retry(tx, &Actor::System, DEAD).await?;
        "queue::retry of what is dead only there", AllAudiences, |tx, _config| {
            queue::retry(tx, &Actor::System, THEIR_DEAD).await?
        };
        "queue::discard", AllAudiences, |tx, _config| queue::discard(tx, &Actor::System, DEAD).await?;
        "queue::discard of what is dead only there", AllAudiences, |tx, _config| {
            queue::discard(tx, &Actor::System, THEIR_DEAD).await?
        };
    }
}
