//! What happened at both tenants, counted: days of the same dates, conversations of the same ids. Theirs began earlier, and is
//! about to be counted on our day, too.

use shared::{
    db::analytics::{self, Filter, Span, events, journeys},
    ids::TenantId,
};
use time::macros::date;
use uuid::Uuid;

use super::{
    scene::{AGENT, CONNECTION, THEM},
    statements::{Call, calls},
};

/// Began on the day that is counted, and was taken over by theirs only.
const COUNTED: Uuid = Uuid::from_u128(0x1C0);
/// Began earlier, at theirs only, and is answered once more.
const EARLIER: Uuid = Uuid::from_u128(0x1C1);
/// An id of a moment that never comes: always of what is new.
const NEW_RUN: Uuid = Uuid::from_u128(u128::MAX - 1);
/// Whatever there is.
const LISTED: Span = Span { from: date!(1970 - 01 - 01), to: date!(9999 - 01 - 01) };
const SPAN: Span = Span { from: date!(2026 - 08 - 01), to: date!(2026 - 10 - 31) };

/// For a transaction of the tenant.
pub fn script(tenant_id: TenantId, mark: &str) -> String {
    let [tenant, connection, agent] = [tenant_id.uuid(), CONNECTION.uuid(), AGENT.uuid()];
    let them = tenant_id == THEM;
    // Ours is the clock of the office hours: a look goes on where the last one was.
    let own_clock = format!("(select time_zone from office_hours where tenant_id = '{tenant}')");
    let (zone, pending, amount) = if them {
        ("'Asia/Tokyo'".to_owned(), "{2026-09-01,2026-10-01}", 900)
    } else {
        (format!("coalesce({own_clock}, 'UTC')"), "{2026-10-01}", 1)
    };
    let mut script = format!(
        "insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind, created_at,
                                    last_message_at)
         values ('{tenant}', '{COUNTED}', '{connection}', 'C9', 'public', '2026-10-01 12:00Z', '2026-10-01 12:00Z');
         insert into analytics_days (tenant_id, day, agent_id, channel, measure, bucket, amount)
         values ('{tenant}', '2026-10-01', '{agent}', 'slack', 'messages', 0, {amount}),
                ('{tenant}', '2026-10-02', '{agent}', 'slack', 'messages', 0, {amount});
         insert into analytics_progress (tenant_id, time_zone, seen_at, pending, looked_at)
         values ('{tenant}', {zone}, now(), '{pending}', now() - interval '1 hour');"
    );
    if them {
        let taken = shared::ids::ConversationId::from_uuid(COUNTED);
        script += &format!(
            "select audit_append('system', '{mark}', 'conversation.takeover', 'conversation', '{taken}', '{{}}');
             insert into analytics_days (tenant_id, day, agent_id, channel, measure, bucket, amount)
             values ('{tenant}', '2020-01-01', '{agent}', 'slack', 'messages', 0, 1);
             insert into conversations (tenant_id, conversation_id, connection_id, channel_external_id, kind, created_at,
                                        last_message_at)
             values ('{tenant}', '{EARLIER}', '{connection}', 'C8', 'public', '2026-08-01 12:00Z', '2026-08-01 12:00Z');
             insert into runs (tenant_id, run_id, conversation_id, agent_id, from_seq, to_seq, fence)
             values ('{tenant}', '{NEW_RUN}', '{EARLIER}', '{agent}', 1, 1, 1);"
        );
    } else {
        // Both logs go on with the same numbers.
        script += &format!("select audit_append('system', '{mark}', 'counted', 'conversation', 'x', '{{}}');");
    }
    script
}

pub fn all() -> Vec<Call> {
    calls! {
        "analytics::look", AllAudiences, |tx, _config| analytics::look(tx).await?;
        "analytics::look by another clock", AllAudiences, |tx, _config| {
            let tenant = tx.tenant();
            let anew = "update analytics_progress set time_zone = null, seen_at = null where tenant_id = $1";
            sqlx::query(anew).bind(tenant).execute(tx.conn()).await?;
            analytics::look(tx).await?
        };
        "analytics::count_next", AllAudiences, |tx, _config| {
            let day = analytics::count_next(tx).await?;
            (day, analytics::report(tx, SPAN, Filter::default()).await?)
        };
        "analytics::counted", AllAudiences, |tx, _config| {
            analytics::counted(tx).await?.map(|counted| (counted.time_zone, counted.waiting))
        };
        "analytics::report", AllAudiences, |tx, _config| analytics::report(tx, SPAN, Filter::default()).await?;
        "events::list", AllAudiences, |tx, _config| {
            events::list(tx, LISTED, "UTC", &events::Wanted::default(), 1_000).await?
        };
        "journeys::list", AllAudiences, |tx, _config| {
            journeys::list(tx, LISTED, "UTC", journeys::Wanted::default(), 1_000).await?
        };
        "analytics::lines", AllAudiences, |tx, _config| analytics::lines(tx, SPAN, Filter::default()).await?;
    }
}
