//! Two tenants in every table, and every way to reach across: nothing shows, nothing changes.
//!
//! Generated from the catalogue, so a table that a migration adds is attacked on the day it appears.

use proof::isolation::{
    arena::{Arena, ours, theirs},
    probes::{Probe, Shape},
    trial::Speaker,
};
use sqlx::{AssertSqlSafe, Executor};
use uuid::Uuid;

const SHAPES: [Shape; 23] = [
    Shape::SelectById,
    Shape::SelectAll,
    Shape::Count,
    Shape::Exists,
    Shape::Join,
    Shape::Lock,
    Shape::Error,
    Shape::Statistics,
    Shape::CopyOut,
    Shape::CopyIn,
    Shape::SecurityOff,
    Shape::UpdateById,
    Shape::UpdateReturning,
    Shape::UpdateIntoTheirs,
    Shape::MoveUnderTheirs,
    Shape::DeleteById,
    Shape::DeleteReturning,
    Shape::Truncate,
    Shape::InsertAsThem,
    Shape::InsertSelect,
    Shape::InsertUnderTheirs,
    Shape::UpsertTheirs,
    Shape::UpsertTheirKey,
];

#[tokio::test]
async fn attacks_9_and_10_and_14_one_tenant_can_not_reach_another_in_any_table() {
    let mut arena = Arena::new().await.unwrap();
    let prints = arena.prints(theirs).await.unwrap();
    assert!(prints.values().all(|print| !print.starts_with("0 ")), "every table holds rows to steal: {prints:?}");

    let (probes, catalog) = (arena.probes().unwrap(), arena.catalog.clone());
    let report = arena.attack(Speaker::Tenant(ours(&catalog)), &probes).await.unwrap();
    let tables = catalog.tenant_tables().unwrap().len();
    eprintln!("{} operations on {tables} tables in {} shapes", report.total(), SHAPES.len());
    assert_eq!(report.leaks, [""; 0]);
    let mut gaps = report.gaps(&catalog, &SHAPES).unwrap();
    // A row without a parent can't be moved under another one.
    gaps.retain(|gap| {
        let childless = |table: &str| catalog.table(table).is_some_and(|table| table.parents().next().is_none());
        !gap.strip_suffix(": MoveUnderTheirs").is_some_and(childless)
    });
    assert_eq!(gaps, [""; 0], "no probe covers these");
}

#[tokio::test]
async fn attacks_5_and_6_without_a_tenant_there_is_nothing() {
    let mut arena = Arena::new().await.unwrap();
    let probes: Vec<Probe> = arena.probes().unwrap().into_iter().map(Probe::by_nobody).collect();
    let before = arena.prints(ours).await.unwrap();
    for speaker in [Speaker::Unset, Speaker::Empty] {
        let report = arena.attack(speaker, &probes).await.unwrap();
        assert_eq!(report.leaks, [""; 0]);
        assert!(report.total() > 300, "{} operations", report.total());
    }
    assert_eq!(arena.prints(ours).await.unwrap(), before, "nobody's session changed nothing of the asker, either");
}

#[tokio::test]
async fn a_setting_that_is_no_id_fails_closed_and_one_made_outside_a_transaction_does_not_last() {
    let mut arena = Arena::new().await.unwrap();
    let app = &mut arena.doors.app;
    app.execute(AssertSqlSafe(format!(
        "select set_config('app.current_tenant', '{}', true)",
        Uuid::from_u128(0xA)
    )))
    .await
    .unwrap();
    let count: i64 = sqlx::query_scalar("select count(*) from messages").fetch_one(&mut *app).await.unwrap();
    assert_eq!(count, 0, "attack 6: the setting ended with its statement");
    app.execute("select set_config('app.current_tenant', 'x'' or true --', false)").await.unwrap();
    let error = app.execute("select * from messages").await.expect_err("not an id");
    assert_eq!(error.as_database_error().and_then(|error| error.code()).unwrap_or_default(), "22P02");
}

/// One session serves tenants in turn, with one cached plan for all of them.
#[tokio::test]
async fn attack_22_a_cached_plan_answers_each_tenant_with_its_own_rows() {
    let mut arena = Arena::new().await.unwrap();
    let Arena { doors, catalog, .. } = &mut arena;
    for plans in ["force_generic_plan", "force_custom_plan", "auto"] {
        for round in 0..8 {
            let tenant = if round % 2 == 0 { ours(catalog) } else { theirs(catalog) };
            doors.app.execute("begin").await.unwrap();
            doors.app.execute(AssertSqlSafe(tenant.settings())).await.unwrap();
            doors.app.execute(AssertSqlSafe(format!("set local plan_cache_mode = {plans}"))).await.unwrap();
            let bodies: Vec<String> =
                sqlx::query_scalar("select body from messages where body like $1 order by body")
                    .bind("CANARY-%")
                    .fetch_all(&mut doors.app)
                    .await
                    .unwrap();
            doors.app.execute("commit").await.unwrap();
            assert_eq!(
                bodies,
                [tenant.canary("messages", 1), tenant.canary("messages", 2)],
                "{plans}, round {round}"
            );
        }
    }
}
