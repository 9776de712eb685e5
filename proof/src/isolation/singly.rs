//! Statements that another one of their call stands before: each is tried where it alone keeps the tenants apart.
//!
//! A call may ask whether there is such a row, and only then write. If the question forgets the tenant, the write still
//! names it and nothing of theirs changes: what shows it is that our side did what it should not have done.

use shared::{
    db::{
        DbError, TenantTx,
        agents::{self, AgentShape},
        audit::Actor,
        connections, conversations,
        interruptions::{self, Cause},
        members,
        numbers::{self, Echo},
        people,
        plans::PLANS,
    },
    ids::{ConnectionId, ConversationId, PersonId, TenantId},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    handovers::QUIET,
    scene::{MOVING, NUMBER, THEIR_CONVERSATION, THEIR_MEMBER, THEM},
    statements::{Call, calls, workspace},
};

/// A workspace both name as theirs, whose requests go to them.
const CLAIMED: ConnectionId = ConnectionId::from_uuid(Uuid::from_u128(0x60));
const CLAIMED_TEAM: &str = "TC";
/// An agent that only they have.
pub(super) const THEIR_AGENT: &str = "Theirs";

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let (tenant, claimed) = (tenant_id.uuid(), CLAIMED.uuid());
    let mut script = format!(
        "insert into channel_connections (tenant_id, connection_id, channel, external_id, bot_user_id, display_name,
                                          access_token)
         values ('{tenant}', '{claimed}', 'slack', '{CLAIMED_TEAM}', 'UBOT', '{mark}', '');"
    );
    if tenant_id == THEM {
        script += &format!(
            "insert into connection_routes (channel, app_id, external_id, tenant_id, connection_id, bot_user_id, bot_id)
             values ('slack', '', '{CLAIMED_TEAM}', '{tenant}', '{claimed}', 'UBOT', 'BBOT');
             insert into agents (tenant_id, agent_id, name) values ('{tenant}', gen_random_uuid(), '{THEIR_AGENT}');"
        );
    }
    script
}

pub fn all() -> Vec<Call> {
    calls! {
        "agents::shape beyond the plan", AllAudiences, |tx, _config| {
            for number in 0..PLANS[2].agents.unwrap_or_default() - 1 {
                agents::shape(tx, &format!("New {number}"), &AgentShape::default()).await?;
            }
            agents::shape(tx, THEIR_AGENT, &AgentShape::default()).await?.name
        };
        "connections::connect_slack of what is theirs by now", AllAudiences, |tx, config| {
            connections::connect_slack(tx, &config.master_keys, &workspace(CLAIMED_TEAM)).await?.id
        };
        "members::change of theirs", AllAudiences, |tx, _config| {
            members::change(tx, &Actor::System, THEIR_MEMBER, Some("customer_admin"), None).await?.role
        };
        "people::moved of theirs", AllAudiences, |tx, _config| {
            people::moved(tx, NUMBER, "DE.TB", "DE.9", None).await?;
            people::find(tx, PersonId::from_uuid(MOVING)).await?
        };
        "interruptions::interrupt where only they talk", AllAudiences, |tx, _config| {
            interruptions::interrupt(tx, THEIR_CONVERSATION, Cause::Stopped).await?
        };
        "numbers::written_on_the_phone where only they talk", AllAudiences, |tx, _config| {
            written_on_the_phone(tx, THEIR_CONVERSATION).await?
        };
        // Ours has one only from then on.
        "numbers::written_on_the_phone where theirs has a human", AllAudiences, |tx, _config| {
            written_on_the_phone(tx, QUIET).await?;
            conversations::list(tx, &conversations::Filter::default(), None, 10).await?
        };
    }
}

async fn written_on_the_phone(tx: &mut TenantTx, conversation: ConversationId) -> Result<(), DbError> {
    let echo = Echo { external_id: "wamid.8".into(), text: "by hand".into(), at: OffsetDateTime::UNIX_EPOCH };
    numbers::written_on_the_phone(tx, conversation, &echo).await
}
