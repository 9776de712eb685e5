//! Two tenants in every table, and every way to reach across: nothing shows, nothing changes.
//!
//! Generated from the catalogue, so a table that a migration adds is attacked on the day it appears.

use std::collections::BTreeMap;

use proof::isolation::{
    catalog::Catalog,
    fill::{Doors, Tenant},
    probes::{self, Probe, Shape},
    trial::{self, Report, Speaker},
};
use shared::testing::TestDb;
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

/// A database in which both tenants have rows in every table.
struct Arena {
    test: TestDb,
    doors: Doors,
    catalog: Catalog,
}

impl Arena {
    async fn new() -> Self {
        let test = TestDb::new().await;
        let doors = Doors { app: test.app().await, system: test.system().await };
        let catalog = Catalog::read(&mut test.owner().await).await.expect("the catalogue can be read");
        let mut arena = Self { test, doors, catalog };
        let Self { doors, catalog, .. } = &mut arena;
        for tenant in [ours(catalog), theirs(catalog)] {
            tenant.fill(doors).await.expect("every table can be filled");
        }
        // With statistics, which hold copies of values.
        arena.test.owner().await.execute("analyze").await.expect("the owner may analyze");
        arena
    }

    fn probes(&self) -> Vec<Probe> {
        probes::all(&self.catalog, ours(&self.catalog), theirs(&self.catalog)).expect("probes can be made")
    }

    async fn prints(&mut self, tenant: fn(&Catalog) -> Tenant<'_>) -> BTreeMap<String, String> {
        tenant(&self.catalog).fingerprints(&mut self.doors).await.expect("every table can be watched")
    }

    /// Runs the probes; changes of either side's rows that must not be are leaks, too.
    async fn attack(&mut self, speaker: Speaker<'_>, probes: &[Probe]) -> Report {
        let them = theirs(&self.catalog);
        let before = them.fingerprints(&mut self.doors).await.expect("every table can be watched");
        let mut report = trial::run(&self.test, speaker, them, probes).await.expect("the probes can be tried");
        report.leaks.extend(trial::changed(&mut self.doors, them, &before).await.expect("the tables can be read"));
        report
    }
}

fn ours(catalog: &Catalog) -> Tenant<'_> {
    Tenant { catalog, id: Uuid::from_u128(0xA), mark: "CANARY-A" }
}

fn theirs(catalog: &Catalog) -> Tenant<'_> {
    Tenant { catalog, id: Uuid::from_u128(0xB), mark: "CANARY-B" }
}

#[tokio::test]
async fn attacks_5_to_23_one_tenant_can_not_reach_another_in_any_table() {
    let mut arena = Arena::new().await;
    let prints = arena.prints(theirs).await;
    assert!(prints.values().all(|print| !print.starts_with("0 ")), "every table holds rows to steal: {prints:?}");

    let (probes, catalog) = (arena.probes(), arena.catalog.clone());
    let report = arena.attack(Speaker::Tenant(ours(&catalog)), &probes).await;
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
async fn attack_5_and_6_without_a_tenant_there_is_nothing() {
    let mut arena = Arena::new().await;
    let probes: Vec<Probe> = arena.probes().into_iter().map(Probe::by_nobody).collect();
    let before = arena.prints(ours).await;
    for speaker in [Speaker::Unset, Speaker::Empty] {
        let report = arena.attack(speaker, &probes).await;
        assert_eq!(report.leaks, [""; 0]);
        assert!(report.total() > 300, "{} operations", report.total());
    }
    assert_eq!(arena.prints(ours).await, before, "nobody's session changed nothing of the asker, either");
}

#[tokio::test]
async fn a_setting_that_is_no_id_fails_closed_and_one_made_outside_a_transaction_does_not_last() {
    let mut arena = Arena::new().await;
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
    let mut arena = Arena::new().await;
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

/// Weakenings that the trial must notice, and the shape that notices.
const WEAKENINGS: [(&str, &str, Shape); 7] = [
    (
        "both policies say yes to everything",
        "alter policy tenant_rows on messages using (true) with check (true);
         alter policy tenant_fence on messages using (true) with check (true)",
        Shape::SelectById,
    ),
    (
        "rows can be written for another tenant",
        "alter policy tenant_rows on memories with check (true);
         alter policy tenant_fence on memories with check (true)",
        Shape::InsertAsThem,
    ),
    ("attack 1: no row-level security at all", "alter table usage disable row level security", Shape::CopyOut),
    (
        "attack 14: no composite foreign key",
        "alter table runs drop constraint runs_tenant_id_conversation_id_fkey",
        Shape::InsertUnderTheirs,
    ),
    ("attack 23: truncate is granted", "grant truncate on jobs to konstruct_app", Shape::Truncate),
    (
        "a system table is opened",
        "grant select on api_keys to konstruct_app;
         create policy careless on api_keys for select to konstruct_app using (true)",
        Shape::Count,
    ),
    (
        "routes can be stolen",
        "alter policy tenant_rows on connection_routes using (true);
         alter policy tenant_fence on connection_routes using (true)",
        Shape::UpsertTheirKey,
    ),
];

#[tokio::test]
async fn the_trial_notices_each_weakening() {
    for (what, script, shape) in WEAKENINGS {
        let mut arena = Arena::new().await;
        let (probes, catalog) = (arena.probes(), arena.catalog.clone());
        let mut owner = arena.test.owner().await;
        owner.execute(sqlx::raw_sql(script)).await.expect(script);
        let report = arena.attack(Speaker::Tenant(ours(&catalog)), &probes).await;
        let noticed = report.leaks.iter().any(|leak| leak.contains(&format!(" {shape:?}: ")));
        assert!(noticed, "{what}: {:?}", report.leaks);
    }
}
