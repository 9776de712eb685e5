//! audit: records appended by eight tenants beside as many bare inserts, the walk along a long log, and planted changes.

use std::{collections::BTreeMap, time::Duration};

use anyhow::ensure;
use serde_json::json;
use shared::{
    db::{
        TenantDb,
        audit::{self, Actor},
        audit_chain,
    },
    testing::TestDb,
};
use sqlx::{AssertSqlSafe, Executor, PgConnection};
use tokio::{task::JoinSet, time::Instant};

use super::{
    crowd::lift,
    report::{Figure, Report},
    sample::{Dice, Sample},
};

const TENANTS: usize = 8;
/// Of each tenant.
const WRITERS: usize = 3;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(3);
const APPENDS_BAR: f64 = 1_000.0;
const LONG: usize = 200_000;
/// Records of one transaction, where a log is made.
const TOGETHER: usize = 2_000;
const ROWS_BAR: f64 = 200_000.0;
const CHANGES: usize = 1_000;
const SHORT: usize = 200;

pub async fn run() -> anyhow::Result<Report> {
    let test = TestDb::new().await;
    let mut report = Report::new("audit");
    appends(&test, &mut report).await?;
    walk(&test, &mut report).await?;
    changes(&test, &mut report).await?;
    report.note(format!(
        "Appends: {WRITERS} writers of each of {TENANTS} tenants, a transaction with one record each; the floor is the same \
         transactions with one row for a table without index instead. Medians of {ROUNDS} rounds that take turns."
    ));
    report.note(format!(
        "Changes: in a log of {SHORT} rows with a checkpoint of its end, each of {CHANGES} times a row is altered, removed, put in \
         another's place, or the whole log computed anew from there; then all is as it was."
    ));
    Ok(report)
}

async fn appends(test: &TestDb, report: &mut Report) -> anyhow::Result<()> {
    let mut owner = test.owner().await;
    owner
        .execute("create table bench_bare (body jsonb not null); grant insert on bench_bare to konstruct_app")
        .await?;
    let mut doors = Vec::new();
    for n in 0..TENANTS {
        doors.push(test.db.tenant(test.tenant(&format!("firm {n}")).await.0));
    }
    let (mut records, mut rows) = (Sample::default(), Sample::default());
    for _ in 0..ROUNDS {
        records.push(drive(&doors, true).await?);
        rows.push(drive(&doors, false).await?);
    }
    let (records, rows) = (records.median(), rows.median());
    report.add(Figure::new("records appended", records, "/s").floor(rows).at_least(APPENDS_BAR));
    for door in &doors {
        let mut tx = door.begin().await?;
        let verdict = audit_chain::verify(&mut tx, &BTreeMap::new()).await?;
        ensure!(verdict.is_whole(), "a log that forked: {:?}", verdict.fault);
        tx.close().await?;
    }
    Ok(())
}

/// Transactions a second.
async fn drive(doors: &[TenantDb], recorded: bool) -> anyhow::Result<f64> {
    let (mut writers, until) = (JoinSet::new(), Instant::now() + ROUND);
    for door in doors.iter().flat_map(|door| std::iter::repeat_n(door.clone(), WRITERS)) {
        writers.spawn(async move {
            let mut count = 0;
            while Instant::now() < until {
                let mut tx = door.begin().await?;
                if recorded {
                    audit::append(
                        &mut tx,
                        &Actor::System,
                        "agent.shape",
                        ("agent", "Kona"),
                        json!({ "n": count }),
                    )
                    .await?;
                } else {
                    let bare = sqlx::query("insert into bench_bare values ($1)");
                    bare.bind(json!({ "n": count })).execute(tx.conn()).await?;
                }
                tx.commit().await?;
                count += 1;
            }
            anyhow::Ok(count)
        });
    }
    let mut all = 0;
    while let Some(count) = writers.join_next().await {
        all += count??;
    }
    Ok(f64::from(all) / ROUND.as_secs_f64())
}

async fn log(door: &TenantDb, rows: usize) -> anyhow::Result<()> {
    for first in (0..rows).step_by(TOGETHER) {
        let mut tx = door.begin().await?;
        for n in first..rows.min(first + TOGETHER) {
            audit::append(&mut tx, &Actor::System, "agent.shape", ("agent", "Kona"), json!({ "n": n })).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn walk(test: &TestDb, report: &mut Report) -> anyhow::Result<()> {
    let door = test.db.tenant(test.tenant("long").await.0);
    log(&door, LONG).await?;
    test.owner().await.execute("vacuum (analyze) audit_events").await?;
    let mut tx = door.begin().await?;
    let began = Instant::now();
    let verdict = audit_chain::verify(&mut tx, &BTreeMap::new()).await?;
    let seconds = began.elapsed().as_secs_f64();
    tx.close().await?;
    ensure!(verdict.is_whole() && verdict.events >= LONG as i64, "{verdict:?}");
    report.add(Figure::new("rows verified", verdict.events as f64 / seconds, "/s").at_least(ROWS_BAR));
    Ok(())
}

async fn changes(test: &TestDb, report: &mut Report) -> anyhow::Result<()> {
    let door = test.db.tenant(test.tenant("short").await.0);
    log(&door, SHORT).await?;
    let (mut owner, tenant) = (test.owner().await, door.id().uuid());
    lift(&mut owner).await?;
    owner.execute("alter table audit_events disable trigger user").await?;
    owner
        .execute(AssertSqlSafe(format!(
            "create table bench_log as select * from audit_events where tenant_id = '{tenant}'"
        )))
        .await?;
    let (n, hash): (i64, String) =
        sqlx::query_as("select n, encode(hash, 'hex') from audit_heads where tenant_id = $1")
            .bind(tenant)
            .fetch_one(&mut owner)
            .await?;
    let (kept, mut dice, mut found) = (BTreeMap::from([(n, hash)]), Dice::new(7), 0);
    for change in 0..CHANGES {
        let row = 1 + dice.below(SHORT - 1);
        plant(&mut owner, &tenant.to_string(), change % 4, row).await?;
        let mut tx = door.begin().await?;
        let verdict = audit_chain::verify(&mut tx, &kept).await?;
        tx.close().await?;
        found += usize::from(verdict.fault.is_some_and(|fault| fault.n >= row as i64));
        let back = format!(
            "delete from audit_events where tenant_id = '{tenant}'; insert into audit_events select * from bench_log;
             update audit_heads set hash = l.hash from bench_log l where audit_heads.tenant_id = '{tenant}' and l.n = audit_heads.n"
        );
        owner.execute(sqlx::raw_sql(AssertSqlSafe(back))).await?;
    }
    report.add(Figure::new("planted changes that were found", found as f64, "").at_least(CHANGES as f64));
    Ok(())
}

/// What somebody does who can write to the database.
async fn plant(owner: &mut PgConnection, tenant: &str, kind: usize, row: usize) -> anyhow::Result<()> {
    let of = format!("tenant_id = '{tenant}' and n");
    let sql = match kind {
        0 => format!("update audit_events set detail = '{{\"n\": -1}}' where {of} = {row}"),
        1 => format!("delete from audit_events where {of} = {row}"),
        2 => format!(
            "update audit_events set n = 0 where {of} = {row}; update audit_events set n = {row} where {of} = {row} + 1;
             update audit_events set n = {row} + 1 where {of} = 0"
        ),
        _ => REWRITE.replace("TENANT", tenant).replace("ROW", &row.to_string()),
    };
    owner.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    Ok(())
}

/// A row is altered, and every hash from there computed anew, the head's too, by the database's own means.
const REWRITE: &str = "
do $$ declare r record; link bytea; begin
  update audit_events set action = 'agent.nothing' where tenant_id = 'TENANT' and n = ROW;
  select previous into link from audit_events where tenant_id = 'TENANT' and n = ROW;
  for r in select * from audit_events where tenant_id = 'TENANT' and n >= ROW order by n loop
    update audit_events set previous = link, hash = audit_hash(encode(link, 'hex'), tenant_id::text, n::text,
           extract(epoch from at)::text, actor_kind, actor_id, action, target_kind, target_id, detail::text)
     where tenant_id = r.tenant_id and n = r.n returning hash into link;
  end loop;
  update audit_heads set hash = link where tenant_id = 'TENANT';
end $$";
