//! The start-up self-check: silent on a good database, a sentence for each way in which it can be unsafe.

use shared::db::{Db, schema};

use crate::stage::{Stage, run};

async fn problems(stage: &Stage) -> Vec<String> {
    schema::problems(stage.db()).await.expect("the check can run")
}

/// One problem that names the table, and nothing else.
#[track_caller]
fn assert_about(problems: &[String], table: &str, word: &str) {
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains(&format!("`{table}`")) && problems[0].contains(word), "{problems:?}");
}

#[tokio::test]
async fn a_good_database_has_no_problems_and_migrating_again_changes_nothing() {
    let stage = Stage::new().await;
    assert_eq!(problems(&stage).await, [""; 0]);
    schema::migrate(&stage.test.owner_url).await.expect("migrations can run again");
    assert_eq!(problems(&stage).await, [""; 0]);
    assert!(schema::reachable(&stage.test.config.database_url).await.unwrap().starts_with("PostgreSQL 1"));
}

#[tokio::test]
async fn attack_2_a_service_that_logs_in_as_the_owner_is_refused() {
    let stage = Stage::new().await;
    let config = &stage.test.config;
    let as_owner = Db::connect(&stage.test.owner_url, &config.database_system_url).unwrap();
    let found = schema::problems(&as_owner).await.unwrap();
    assert!(found.iter().any(|problem| problem.contains("logs in as `konstruct_owner`")), "{found:?}");
    assert!(found.iter().any(|problem| problem.contains("services must own nothing")), "{found:?}");
    let swapped = Db::connect(&config.database_system_url, &config.database_url).unwrap();
    let found = schema::problems(&swapped).await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    as_owner.close().await;
    swapped.close().await;
}

#[tokio::test]
async fn attack_1_a_table_that_does_not_force_its_policies_is_named() {
    let stage = Stage::new().await;
    let mut owner = stage.test.owner().await;
    run(&mut owner, "alter table messages no force row level security").await;
    assert_about(&problems(&stage).await, "messages", "does not force");
    run(&mut owner, "alter table messages force row level security").await;
    assert_eq!(problems(&stage).await, [""; 0]);
    run(&mut owner, "alter table inbox_keys disable row level security").await;
    assert_about(&problems(&stage).await, "inbox_keys", "does not force");
}

#[tokio::test]
async fn attack_3_every_weakened_policy_is_named() {
    let stage = Stage::new().await;
    let own = "tenant_id = nullif(current_setting('app.current_tenant', true), '')::uuid";
    for weakening in [
        "drop policy tenant_rows on messages".to_owned(),
        "drop policy tenant_fence on messages".into(),
        "alter policy tenant_rows on messages using (true)".into(),
        format!("alter policy tenant_rows on messages using ({own} or true)"),
        "alter policy tenant_rows on messages with check (true)".into(),
        "alter policy tenant_fence on messages using (true)".into(),
        "alter policy tenant_fence on messages with check (true)".into(),
        "alter policy tenant_fence on messages to konstruct_system".into(),
        "alter policy tenant_rows on messages to konstruct_system".into(),
        format!(
            "drop policy tenant_fence on messages;
             create policy tenant_fence on messages as restrictive for select to konstruct_app using ({own})"
        ),
    ] {
        let mut owner = stage.test.owner().await;
        run(&mut owner, "begin").await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(weakening.clone())).execute(&mut owner).await.unwrap();
        run(&mut owner, "commit").await;
        let found = problems(&stage).await;
        assert!(found.len() == 1 && found[0].contains("`messages`"), "{weakening}: {found:?}");
        for policy in ["tenant_rows", "tenant_fence", "tenant_end"] {
            run(&mut owner, &format!("drop policy if exists {policy} on messages")).await;
        }
        run(&mut owner, "call enforce_tenant('messages')").await;
        assert_eq!(problems(&stage).await, [""; 0], "mended after: {weakening}");
    }
}

#[tokio::test]
async fn attack_21_a_second_permissive_policy_is_named_whoever_it_is_for() {
    let stage = Stage::new().await;
    let mut owner = stage.test.owner().await;
    for role in ["public", "konstruct_app", "konstruct_app, konstruct_system"] {
        run(&mut owner, &format!("create policy careless on usage for select to {role} using (true)")).await;
        assert_about(&problems(&stage).await, "usage", "second");
        run(&mut owner, "drop policy careless on usage").await;
    }
    assert_eq!(problems(&stage).await, [""; 0]);
}

#[tokio::test]
async fn attack_34_a_new_table_without_a_policy_is_named() {
    let stage = Stage::new().await;
    let mut owner = stage.test.owner().await;
    run(&mut owner, "create table forgotten (tenant_id uuid not null primary key)").await;
    run(&mut owner, "grant select on forgotten to konstruct_app").await;
    let found = problems(&stage).await;
    assert!(!found.is_empty() && found.iter().all(|problem| problem.contains("`forgotten`")), "{found:?}");
    run(&mut owner, "drop table forgotten").await;
    // A grant on a system table that carries a tenant opens it just as wide.
    run(&mut owner, "create table forgotten (tenant_id uuid not null primary key, name text)").await;
    run(&mut owner, "call enforce_system('forgotten')").await;
    run(&mut owner, "grant select (name) on forgotten to konstruct_app").await;
    assert_about(&problems(&stage).await, "forgotten", "tenant polic");
}

#[tokio::test]
async fn an_older_schema_is_refused_and_a_newer_one_is_not() {
    let stage = Stage::new().await;
    let mut owner = stage.test.owner().await;
    run(
        &mut owner,
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99999999999999, 'from the future', true, '', 0)",
    )
    .await;
    assert_eq!(problems(&stage).await, [""; 0], "a rolling deployment meets a newer schema");
    run(&mut owner, "delete from _sqlx_migrations where version = 99999999999999").await;
    run(&mut owner, "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
        .await;
    let older = ["The database schema is older than this build: run `konstruct migrate`."];
    assert_eq!(problems(&stage).await, older);
    run(&mut owner, "drop table _sqlx_migrations").await;
    assert_eq!(problems(&stage).await, older, "never migrated");
}
