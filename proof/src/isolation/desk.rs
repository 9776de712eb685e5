//! Where both tenants' people see to escalations: channels and threads of the same names.

use shared::{
    db::{
        audit::Actor,
        desks::{self, Desk},
    },
    ids::{MessageId, TenantId},
};

use super::{
    handovers::{ASKED, ESCALATION, HELD},
    scene::{CONNECTION, THEM},
    statements::{Call, calls},
};

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, escalation, connection] = [tenant_id.uuid(), ESCALATION.uuid(), CONNECTION.uuid()];
    let channel = if tenant_id == THEM { mark } else { "CDESK" };
    format!(
        "insert into escalation_desks (tenant_id, connection_id, channel_external_id)
         values ('{tenant}', '{connection}', '{channel}');
         insert into desk_threads (tenant_id, escalation_id, connection_id, channel_external_id, external_id)
         values ('{tenant}', '{escalation}', '{connection}', 'CDESK', '1.1');"
    )
}

pub fn all() -> Vec<Call> {
    calls! {
        "desks::get", AllAudiences, |tx, _config| desks::get(tx).await?;
        "desks::set", AllAudiences, |tx, _config| {
            desks::set(tx, &Actor::System, &Desk { connection: CONNECTION, channel: "CNEW".into() }).await?;
            desks::get(tx).await?
        };
        "desks::remove", AllAudiences, |tx, _config| {
            desks::remove(tx, &Actor::System).await?;
            desks::get(tx).await?
        };
        "desks::find", AllAudiences, |tx, _config| {
            desks::find(tx, ESCALATION).await?.map(|found| (found.summary, found.person_name, found.reason))
        };
        "desks::of_conversation", AllAudiences, |tx, _config| {
            desks::of_conversation(tx, HELD).await?.map(|found| (found.summary, found.person_name))
        };
        "desks::at", AllAudiences, |tx, _config| {
            desks::at(tx, CONNECTION, "CDESK", "1.1").await?.map(|found| (found.summary, found.platform))
        };
        "desks::begin_showing", AllAudiences, |tx, _config| desks::begin_showing(tx, ESCALATION).await?;
        "desks::shown", AllAudiences, |tx, _config| desks::shown(tx, ESCALATION, "2.2").await?;
        "desks::message", AllAudiences, |tx, _config| {
            desks::message(tx, MessageId::from_uuid(ASKED)).await?
        };
    }
}
