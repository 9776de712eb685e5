//! What tenants let the platform do, what it has stopped, and what plans include of what grows. They are stopped and consent to
//! everything; one of their memories rests.

use shared::{
    db::{allowances, audit::Actor, support, suspensions},
    ids::TenantId,
};
use uuid::Uuid;

use super::{
    scene::{CONVERSATION, PERSON, THEM, lease},
    statements::{Call, calls},
};

/// A message that nobody is reminded of, of theirs.
const RESTING: Uuid = Uuid::from_u128(0x1A1);

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let (tenant, them) = (tenant_id.uuid(), tenant_id == THEM);
    let access = if them { "write" } else { "read" };
    let mut script = format!(
        "update tenants set support_access = '{access}', support_changed_at = '2026-11-20T11:00:00Z' where tenant_id = '{tenant}';"
    );
    if them {
        let (conversation, person) = (CONVERSATION.uuid(), PERSON.uuid());
        script += &format!(
            "insert into messages (tenant_id, message_id, conversation_id, external_id, author_kind, person_id, body, sent_at)
             values ('{tenant}', '{RESTING}', '{conversation}', '1.A1', 'person', '{person}', '{mark}', '2026-11-19T11:00:00Z');
             insert into memories (tenant_id, memory_id, message_id, conversation_id, segment, position, person_id, said_at,
                                   audience, body, valid_until)
             values ('{tenant}', '{RESTING}', '{RESTING}', '{conversation}', 0, 1000, '{person}', '2026-11-19T11:00:00Z',
                     'tenant', '{mark}', '1970-01-01T00:00:00Z');"
        );
    }
    script
}

/// For the system role.
pub fn stopped(tenant_id: TenantId, mark: &str) -> String {
    let tenant = tenant_id.uuid();
    if tenant_id != THEM {
        return String::new();
    }
    format!("update tenants set suspended_at = now(), suspended_why = '{mark}' where tenant_id = '{tenant}';")
}

pub fn all() -> Vec<Call> {
    calls! {
        "support::show", AllAudiences, |tx, _config| support::show(tx).await?;
        "support::set", AllAudiences, |tx, _config| support::set(tx, &Actor::System, "none").await?;
        "suspensions::is_suspended", AllAudiences, |tx, _config| suspensions::is_suspended(tx).await?;
        "suspensions::put_aside", AllAudiences, |tx, _config| suspensions::put_aside(tx, &lease()).await?;
        "allowances::answers", AllAudiences, |tx, _config| allowances::answers(tx).await?;
        "allowances::let_memories_rest", AllAudiences, |tx, _config| allowances::let_memories_rest(tx).await?;
    }
}
