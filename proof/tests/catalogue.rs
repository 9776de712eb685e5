//! The database as migrations leave it: every table fenced, every key the tenant's, every right on the checked-in list.
//!
//! `mutants.rs` shows that each rule notices a database that breaks it.

use proof::isolation::{
    catalog::Catalog,
    listed::Listed,
    rights::{excesses, table_of_functions, table_of_policies, table_of_rights},
    rules::violations,
};
use shared::testing::TestDb;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

async fn run(connection: &mut PgConnection, script: &str) {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(script.to_owned()))).await.expect(script);
}

/// The code of the error a statement of konstruct_app ends in.
async fn denied(app: &mut PgConnection, sql: &str) -> String {
    let error = app.execute(AssertSqlSafe(sql.to_owned())).await.expect_err(sql);
    error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned()
}

#[tokio::test]
async fn every_table_keeps_tenants_apart() {
    let test = TestDb::new().await;
    let mut owner = test.owner().await;
    let catalog = Catalog::read(&mut owner).await.unwrap();
    assert_eq!(violations(&catalog, &Listed::read().unwrap()), [""; 0]);
    assert!(
        catalog.tables.len() >= 20 && catalog.tenant_tables().unwrap().len() >= 17,
        "the catalogue is read at all"
    );
}

#[tokio::test]
async fn services_hold_no_right_they_do_not_need() {
    let test = TestDb::new().await;
    let mut owner = test.owner().await;
    assert_eq!(excesses(&mut owner).await.unwrap(), [""; 0]);
    // Every right by name: a new one shows up in the review as a line.
    insta::assert_snapshot!("rights", table_of_rights(&mut owner).await.unwrap().join("\n"));
    insta::assert_snapshot!("policies", table_of_policies(&mut owner).await.unwrap().join("\n"));
    insta::assert_snapshot!("functions", table_of_functions(&mut owner).await.unwrap().join("\n"));
}

#[tokio::test]
async fn attacks_18_to_26_the_app_role_can_make_nothing_and_switch_nothing_off() {
    let test = TestDb::new().await;
    let (tenant, _) = test.tenant("acme").await;
    let mut app = test.app().await;
    run(&mut app, &format!("select set_config('app.current_tenant', '{}', false)", tenant.uuid())).await;
    for sql in [
        "create schema x",
        "create table x (a text)",
        "create temporary table x (a text)",
        "create function leak(text) returns boolean language plpgsql cost 0.0001 as 'begin raise notice ''%'', $1; return true; end'",
        "create function pg_temp.leak(text) returns boolean language sql leakproof as 'select true'",
        "create view x as select * from tenants",
        "create materialized view x as select * from tenants",
        "create policy x on tenants using (true)",
        "drop policy tenant_fence on tenants",
        "alter table tenants disable row level security",
        "alter table tenants owner to konstruct_app",
        "grant select on users to konstruct_app",
        "truncate memories",
        "alter role konstruct_app bypassrls",
        "set session_replication_role = replica",
        "set role konstruct_system",
        "set session authorization konstruct_owner",
        "select * from apalis.jobs",
        "select * from pg_authid",
        "select pg_read_file('/etc/passwd')",
        "copy tenants to program 'cat'",
    ] {
        assert_eq!(denied(&mut app, sql).await, "42501", "{sql}");
    }
    let without = "set row_security = off; select * from tenants";
    let error = app.execute(sqlx::raw_sql(without)).await.expect_err("refused");
    assert_eq!(error.as_database_error().and_then(|error| error.code()).unwrap_or_default(), "42501");
}

#[tokio::test]
async fn attack_29_other_sessions_statements_hold_no_content() {
    let test = TestDb::new().await;
    let mut system = test.system().await;
    run(&mut system, "select 'CANARY-B-statement'").await;
    let mut app = test.app().await;
    let shown: Vec<Option<String>> = sqlx::query_scalar(
        "select query from pg_stat_activity where usename <> current_user and datname = current_database()",
    )
    .fetch_all(&mut app)
    .await
    .unwrap();
    assert!(!shown.is_empty());
    assert!(shown.iter().flatten().all(|query| query == "<insufficient privilege>"), "{shown:?}");
}
