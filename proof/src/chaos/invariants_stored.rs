//! What the product stored, read as `konstruct_ops`: the one role that sees every tenant's rows, and can change none.

use std::collections::HashMap;

use anyhow::Context;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// The superuser of a server of one's own lends the checker its rights and steps down.
pub async fn become_checker(connection: &mut PgConnection) -> anyhow::Result<()> {
    for statement in [
        "grant pg_read_all_data, pg_monitor to konstruct_ops with inherit true",
        "alter role konstruct_ops inherit",
        "set role konstruct_ops",
        "set default_transaction_read_only = on",
    ] {
        sqlx::query(statement).execute(&mut *connection).await.context(statement)?;
    }
    Ok(())
}

#[derive(Clone, Debug, FromRow)]
pub struct InboxRow {
    pub tenant_id: Uuid,
    pub conversation_id: Uuid,
    pub seq: i64,
    pub addressed: bool,
    pub channel: Option<String>,
    pub ts: Option<String>,
    pub state: String,
    pub reason: Option<String>,
    pub run_id: Option<Uuid>,
    /// Until its end, or until now.
    pub seconds: f64,
}

#[derive(Clone, Debug, FromRow)]
pub struct RunRow {
    pub tenant_id: Uuid,
    pub run_id: Uuid,
    pub conversation_id: Uuid,
    pub from_seq: i64,
    pub to_seq: i64,
    pub state: String,
    /// To its end: the call of an answer that broke off may be booked as failed, or have died unbooked.
    pub answered: bool,
    pub calls_ok: i64,
    pub calls: i64,
}

#[derive(Clone, Debug, FromRow)]
pub struct OutboxRow {
    pub tenant_id: Uuid,
    pub outbox_id: Uuid,
    pub conversation_id: Uuid,
    pub run_id: Option<Uuid>,
    pub kind: String,
    pub state: String,
    pub external_id: Option<String>,
    pub attempts: i32,
    pub fence: i64,
}

#[derive(Clone, Debug, FromRow)]
pub struct LaneRow {
    pub tenant_id: Uuid,
    pub conversation_id: Uuid,
    pub last_seq: i64,
    pub done_seq: i64,
    pub fence: i64,
    pub owner: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// By workspace.
    pub tenants: HashMap<String, Uuid>,
    pub inbox: Vec<InboxRow>,
    pub runs: Vec<RunRow>,
    /// In the order they were written.
    pub outbox: Vec<OutboxRow>,
    pub lanes: Vec<LaneRow>,
    pub calls: i64,
    /// Budgets whose counters are not the ledger's sums.
    pub drifting: i64,
    pub quarantined: i64,
    pub dead_jobs: i64,
}

impl Stored {
    pub async fn read(connection: &mut PgConnection) -> anyhow::Result<Self> {
        let tenants: Vec<(String, Uuid)> = sqlx::query_as("select external_id, tenant_id from connection_routes")
            .fetch_all(&mut *connection)
            .await?;
        let inbox = sqlx::query_as(
            "select tenant_id, conversation_id, seq, addressed, normalized ->> 'channel' as channel,
                    normalized ->> 'external_id' as ts, state::text as state, reason, run_id,
                    extract(epoch from coalesce(ended_at, clock_timestamp()) - received_at)::float8 as seconds
               from inbox order by tenant_id, conversation_id, seq",
        )
        .fetch_all(&mut *connection)
        .await?;
        let runs = sqlx::query_as(
            "select r.tenant_id, r.run_id, r.conversation_id, r.from_seq, r.to_seq, r.state,
                    s.run_id is not null and s.result ->> 'broken_off' is null as answered,
                    coalesce(u.ok, 0) as calls_ok, coalesce(u.calls, 0) as calls
               from runs r
               left join run_steps s on s.tenant_id = r.tenant_id and s.run_id = r.run_id and s.step = 'answer'
               left join (select tenant_id, run_id, count(*) as calls, count(*) filter (where status = 'ok') as ok
                            from usage where purpose <> 'channel' group by 1, 2) u on u.tenant_id = r.tenant_id and u.run_id = r.run_id
              order by r.tenant_id, r.conversation_id, r.from_seq",
        )
        .fetch_all(&mut *connection)
        .await?;
        let outbox = sqlx::query_as(
            "select tenant_id, outbox_id, conversation_id, run_id, kind, state, external_id, attempts, fence
               from outbox order by created_at, part",
        )
        .fetch_all(&mut *connection)
        .await?;
        let lanes =
            sqlx::query_as("select tenant_id, conversation_id, last_seq, done_seq, fence, owner from lanes")
                .fetch_all(&mut *connection)
                .await?;
        let (calls, drifting, quarantined, dead_jobs) = sqlx::query_as(
            "select (select count(*) from usage), (select count(*) from budget_drift()), (select count(*) from quarantine),
                    (select count(*) from jobs where state = 'dead')",
        )
        .fetch_one(&mut *connection)
        .await?;
        let tenants = tenants.into_iter().collect();
        Ok(Self { tenants, inbox, runs, outbox, lanes, calls, drifting, quarantined, dead_jobs })
    }
}
