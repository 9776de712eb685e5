//! A library bug this house is built around: a `begin()` that is cancelled half-way poisons its pooled connection.
//!
//! axum drops a handler when its client hangs up, so this happens in production. The first test documents the bug on a
//! bare pool; when it fails, the library is fixed and the guards in `db/mod.rs` may go.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use rand::Rng;
use secrecy::ExposeSecret;
use shared::{
    db::{DbError, TenantDb},
    ids::TenantId,
};
use sqlx::{Executor, PgPool, postgres::PgPoolOptions};
use time::OffsetDateTime;

use crate::stage::{Stage, run};

const ROUNDS: i64 = 1_000;

/// Polls the future at most `polls` times, then drops it: a caller that hangs up at that await point.
async fn hang_up_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Whether an acknowledged insert vanishes after a begin was cancelled at its `polls`-th await.
async fn loses_a_write(pool: &PgPool, observer: &PgPool, polls: usize) -> bool {
    pool.execute("select 1").await.expect("the connection is open");
    let cancelled = hang_up_after(polls, pool.begin()).await.is_none();
    pool.execute("insert into trap values (1)").await.expect("the write is acknowledged");
    let visible: i64 = sqlx::query_scalar("select count(*) from trap")
        .fetch_one(observer)
        .await
        .expect("the other session can read");
    // Ends the transaction that should not be there, and empties the table for the next round.
    pool.execute("commit").await.expect("the session answers");
    pool.execute("delete from trap").await.expect("the session answers");
    cancelled && visible == 0
}

#[tokio::test]
async fn a_bare_pool_loses_an_acknowledged_write_after_a_cancelled_begin() {
    let stage = Stage::new().await;
    run(&mut stage.test.owner().await, "create table trap (n integer)").await;
    let bare = || PgPoolOptions::new().max_connections(1);
    let url = stage.test.owner_url.expose_secret();
    let pool = bare().connect(url).await.unwrap();
    let observer = bare().connect(url).await.unwrap();
    let mut lost = false;
    for round in 0..ROUNDS as usize {
        lost = loses_a_write(&pool, &observer, 1 + round % 6).await;
        if lost {
            break;
        }
    }
    pool.close().await;
    observer.close().await;
    assert!(
        lost,
        "sqlx no longer loses the write: see whether the guards in shared/src/db/mod.rs are still needed"
    );
}

async fn insert(db: &TenantDb, n: i64) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sqlx::query("insert into channels (tenant_id, connection_id, external_id) select $1, connection_id, $2 from channel_connections")
        .bind(tx.tenant())
        .bind(format!("C{n}"))
        .execute(tx.conn())
        .await?;
    tx.commit().await
}

/// A transaction that began before it was asked for is somebody else's: the session was still inside it.
#[tokio::test]
async fn our_begin_survives_a_thousand_callers_that_hang_up() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let mut observer = stage.app().await;
    for n in 0..ROUNDS {
        let polls = rand::rng().random_range(1..=8);
        drop(hang_up_after(polls, acme.db.begin()).await);
        let asked: OffsetDateTime =
            sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut observer).await.unwrap();
        let mut tx = acme.db.begin().await.unwrap();
        let began: OffsetDateTime = sqlx::query_scalar("select now()").fetch_one(tx.conn()).await.unwrap();
        tx.close().await.unwrap();
        assert!(began >= asked, "round {n}: the session was left inside a transaction, after {polls} polls");
        insert(&acme.db, n).await.expect("the write is acknowledged");
    }
    assert_everything_acknowledged_is_visible(&stage, acme.tenant, (0..ROUNDS).collect()).await;
}

#[tokio::test]
async fn a_whole_unit_of_work_may_be_cancelled_anywhere() {
    let stage = Stage::new().await;
    let acme = stage.firm("acme").await;
    let mut acknowledged = Vec::new();
    for n in 0..ROUNDS {
        let polls = rand::rng().random_range(1..=6);
        if let Some(result) = hang_up_after(polls, insert(&acme.db, n)).await {
            result.expect("the write is acknowledged");
            acknowledged.push(n);
        }
    }
    assert!(
        !acknowledged.is_empty() && acknowledged.len() < ROUNDS as usize,
        "some were cancelled, some were not: {}",
        acknowledged.len()
    );
    assert_everything_acknowledged_is_visible(&stage, acme.tenant, acknowledged).await;
}

/// Looks from a session that no pool knows.
async fn assert_everything_acknowledged_is_visible(stage: &Stage, tenant: TenantId, acknowledged: Vec<i64>) {
    let mut session = stage.app().await;
    run(&mut session, &format!("select set_config('app.current_tenant', '{}', false)", tenant.uuid())).await;
    let visible: Vec<String> = sqlx::query_scalar("select external_id from channels")
        .fetch_all(&mut session)
        .await
        .expect("the session can read");
    let lost: Vec<i64> = acknowledged.into_iter().filter(|n| !visible.contains(&format!("C{n}"))).collect();
    assert!(lost.is_empty(), "{} acknowledged writes were lost: {lost:?}", lost.len());
    let stuck: i64 = sqlx::query_scalar(
        "select count(*) from pg_stat_activity
          where datname = current_database() and state like 'idle in transaction%'
            and state_change < clock_timestamp() - interval '1 second'",
    )
    .fetch_one(&mut session)
    .await
    .expect("the session can read");
    assert_eq!(stuck, 0, "sessions stuck inside a transaction");
}
