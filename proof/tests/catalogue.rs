//! The database as migrations leave it: every table fenced, every key the tenant's, every right on the checked-in list.
//!
//! Each rule is also tried on a database that breaks it.

use proof::isolation::{
    catalog::Catalog,
    listed::Listed,
    rights::{excesses, table_of_rights},
    rules::violations,
};
use shared::testing::TestDb;
use sqlx::{AssertSqlSafe, Executor, PgConnection};

async fn faults(owner: &mut PgConnection) -> Vec<String> {
    let catalog = Catalog::read(owner).await.expect("the catalogue can be read");
    violations(&catalog, &Listed::read().expect("the list can be read"))
}

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
    assert_eq!(faults(&mut owner).await, [""; 0]);
    let catalog = Catalog::read(&mut owner).await.unwrap();
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
}

/// (what is broken, how, the word the sentence must hold)
const BREACHES: [(&str, &str, &str); 18] = [
    ("attack 1: not forced", "alter table messages no force row level security", "does not force"),
    (
        "attack 34: no policy",
        "create table notes (tenant_id uuid not null, id uuid, primary key (tenant_id, id))",
        "notes",
    ),
    ("no tenant", "create table notes (id uuid primary key); call enforce_system('notes')", "has no tenant_id"),
    (
        "attack 65: null tenant",
        "alter table inbox_keys drop constraint inbox_keys_pkey, alter tenant_id drop not null,
      add primary key (identity)",
        "may be null",
    ),
    ("attack 3: dropped", "drop policy tenant_rows on runs", "tenant_rows"),
    ("attack 3: dropped copy", "drop policy tenant_fence on runs", "tenant_fence"),
    ("attack 3: weakened", "alter policy tenant_rows on runs using (true)", "tenant_rows"),
    ("attack 3: weakened check", "alter policy tenant_fence on runs with check (true)", "tenant_fence"),
    ("attack 21: second policy", "create policy extra on runs for select using (true)", "`extra` is not listed"),
    ("attack 21: for the app", "create policy extra on runs for select to konstruct_app using (true)", "`extra`"),
    ("system role", "create policy extra on runs for select to konstruct_system using (true)", "`extra`"),
    ("reading the inbox", "create policy extra on inbox for select to konstruct_system using (true)", "`extra`"),
    ("attack 13: global key", "alter table people add constraint global unique (external_id)", "`global`"),
    (
        "attack 13: global index",
        "create unique index global on people (lower(external_id), tenant_id)",
        "`global`",
    ),
    (
        "attack 14: simple key",
        "alter table conversations add constraint alone unique (tenant_id, conversation_id, kind);
      alter table agents add column parent uuid, add column parent_tenant uuid,
        add constraint simple foreign key (parent_tenant, parent) references agents (tenant_id, agent_id)",
        "`simple`",
    ),
    ("attack 23: truncate", "grant truncate on jobs to konstruct_app", "TRUNCATE"),
    ("open system table", "grant select on api_keys to konstruct_app", "api_keys: policy `tenant_rows`"),
    ("stale entry", "drop table quarantine", "quarantine: listed under"),
];

#[tokio::test]
async fn each_breach_is_named() {
    let test = TestDb::new().await;
    let mut owner = test.owner().await;
    for (what, script, word) in BREACHES {
        run(&mut owner, "begin").await;
        run(&mut owner, script).await;
        let found = faults(&mut owner).await;
        assert!(found.iter().any(|fault| fault.contains(word)), "{what}: {found:?}");
        run(&mut owner, "rollback").await;
    }
    assert_eq!(faults(&mut owner).await, [""; 0]);
}

/// (what is too much, how, the word the sentence must hold)
const EXCESSES: [(&str, &str, &str); 10] = [
    (
        "attack 17: definer",
        "create function peek() returns bigint language sql security definer set search_path = pg_catalog
      as 'select 1::bigint'",
        "peek(): a security definer function",
    ),
    (
        "attack 18: search_path",
        "create function peek() returns bigint language sql as 'select 1::bigint'",
        "search_path",
    ),
    (
        "attack 18: of the log",
        "alter function audit_append(text, text, text, text, text, jsonb) reset search_path",
        "search_path",
    ),
    ("attack 19: materialized", "create materialized view peek as select 1 as one", "peek: a view"),
    ("a view", "create view peek as select * from messages", "peek: a view"),
    (
        "attack 22: immutable",
        "create function peek() returns text language sql immutable set search_path = pg_catalog
      as $$ select current_setting('app.current_tenant', true) $$",
        "immutable",
    ),
    ("everybody", "grant select on model_prices to public", "everybody holds"),
    ("one column", "grant update (name) on tenants to public", "everybody holds"),
    ("attack 18: create", "grant create on schema public to konstruct_app", "konstruct_app in public"),
    (
        "attack 26: temporary",
        "do $$ begin execute format('grant temporary on database %I to konstruct_app', current_database()); end $$",
        "konstruct_app in the database",
    ),
];

#[tokio::test]
async fn each_excess_is_named() {
    let test = TestDb::new().await;
    let mut owner = test.owner().await;
    for (what, script, word) in EXCESSES {
        run(&mut owner, "begin").await;
        // The log's function belongs to a role that the owner is a member of.
        run(&mut owner, script).await;
        let found = excesses(&mut owner).await.unwrap();
        assert!(found.iter().any(|excess| excess.contains(word)), "{what}: {found:?}");
        run(&mut owner, "rollback").await;
    }
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
        "grant select on api_keys to konstruct_app",
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
