//! Erasing people and tenants, table by table as the catalogue has them: nothing is left, and nothing else is touched.

mod older;

use std::{collections::BTreeSet, path::PathBuf, process::Output, sync::Arc};

use proof::{
    isolation::{
        arena::{Arena, ours, theirs},
        catalog::Catalog,
    },
    residue,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use shared::{
    checkpoints::{Checkpoint, Checkpoints},
    config::{CheckpointConfig, CheckpointKey, Config},
    db::{
        TenantDb,
        audit::Actor,
        privacy::{self, KEPT, PARTS},
        suspensions::{self, Waiting},
        system,
    },
    erasing::{self, EraseError, Eraser},
    ids::{MediaId, PersonId, TenantId},
    storage::Storage,
    testing::TestDb,
};
use sqlx::{AssertSqlSafe, Executor};
use tempfile::TempDir;
use uuid::Uuid;

const SEED: [u8; 32] = [7; 32];

/// Columns that may hold a word in a table of [`PARTS`]: settings and names of things, of no person.
const OF_NOBODY: [&str; 18] = [
    "delivery_statuses.pricing_category",
    "delivery_statuses.pricing_type",
    "escalations.assigned_to",
    "feedback.source",
    "inbox.reason",
    "inbox.trace",
    "interactions.act",
    "interactions.reason",
    "jobs.kind",
    "routine_runs.begun_by",
    "routines.created_by",
    "routines.schedule",
    "run_steps.step",
    "sent_files.content_type",
    "tool_calls.name",
    "usage.model",
    "conversation_tags.created_by",
    "budgets.time_zone",
];

/// Files and certificates of one test.
struct Places {
    folder: TempDir,
    storage: Storage,
    config: CheckpointConfig,
}

impl Places {
    fn new(test: &TestDb) -> Self {
        let folder = TempDir::new().expect("a folder");
        let at = |name: &str| {
            let mut config = test.config.storage.clone();
            config.url = url::Url::from_file_path(folder.path().join(name)).expect("an address");
            config
        };
        let storage = Storage::open(&at("files")).expect("a storage");
        let key = CheckpointKey::Signs(SecretString::from(hex::encode(SEED)));
        let config = CheckpointConfig { storage: at("outside"), key };
        Self { folder, storage, config }
    }

    fn outside(&self) -> Checkpoints {
        Checkpoints::open(&self.config).expect("a place for certificates")
    }

    async fn eraser(&self, test: &TestDb) -> Eraser {
        let fingerprints = system::fingerprint_key(&test.db.system(), &test.config.master_keys).await;
        Eraser {
            storage: self.storage.clone(),
            fingerprints: fingerprints.expect("a key"),
            outside: Some(Arc::new(self.outside())),
        }
    }

    /// The program, as whoever looks after the installation calls it.
    fn konstruct(&self, config: &Config, arguments: &[&str]) -> Output {
        let program: PathBuf = std::env::current_exe().expect("the test has a path");
        let program = program.ancestors().nth(2).expect("target/debug").join("konstruct");
        std::process::Command::new(program)
            .args(arguments)
            .env("DATABASE_URL", config.database_url.expose_secret())
            .env("DATABASE_SYSTEM_URL", config.database_system_url.expose_secret())
            .env("STORAGE_URL", format!("file://{}", self.folder.path().join("files").display()))
            .env("AUDIT_CHECKPOINT_URL", format!("file://{}", self.folder.path().join("outside").display()))
            .env("AUDIT_CHECKPOINT_KEY", hex::encode(SEED))
            .env("RUST_LOG", "off")
            .output()
            .expect("the konstruct binary is built with the workspace")
    }
}

async fn change(test: &TestDb, tenant: Uuid, script: &str) {
    let script = format!(
        "begin; select set_config('app.current_tenant', '{tenant}', true), set_config('app.audiences', '*', true);
         {script}; commit"
    );
    test.app().await.execute(sqlx::raw_sql(AssertSqlSafe(script))).await.expect("it is changed");
}

async fn people(db: &TenantDb) -> Vec<PersonId> {
    let mut tx = db.begin().await.expect("a transaction");
    let people = sqlx::query_scalar("select person_id from people where tenant_id = $1 order by external_id")
        .bind(db.id())
        .fetch_all(tx.conn())
        .await;
    tx.close().await.expect("closed");
    people.expect("people")
}

async fn erase(eraser: &Eraser, db: &TenantDb, people: &[PersonId]) -> erasing::Signed {
    let mut tx = db.begin().await.expect("a transaction");
    let id = privacy::request(&mut tx, &Actor::System, people).await.expect("they are known");
    tx.commit().await.expect("stored");
    eraser.empty(db, id).await.expect("they are emptied");
    eraser.finish(db, id).await.expect("it is done")
}

/// What the filler can't know: rows that name somebody without a foreign key, and nothing that is under way.
const SETTLED: &str = "
    update people set merged_into = null;
    update conversations set kind = 'direct';
    update channels k set external_id = v.channel_external_id from conversations v where v.connection_id = k.connection_id;
    update routines r set channel_external_id = v.channel_external_id
      from conversations v where v.connection_id = r.connection_id;
    update inbox set conversation_id = (select conversation_id from conversations order by 1 limit 1);
    update message_changes set conversation_id = (select conversation_id from conversations order by 1 limit 1);
    update delivery_statuses set outbox_id = (select outbox_id from outbox order by 1 limit 1);
    update usage set person_id = (select person_id from people order by 1 limit 1);
    update budget_reservations set person_id = (select person_id from people order by 1 limit 1);
    update messages m set operator_name = p.display_name from people p where p.person_id = m.person_id;
    update runs set state = 'done';
    update outbox set state = 'sent';
    update media set state = 'stored';
    update inbox set state = 'replied';
    update jobs set state = 'done', payload = payload || jsonb_build_object('person',
           (select type_id('per', person_id) from people order by external_id limit 1));
    update interactions i set state = 'done', external_user = p.external_id
      from people p where p.connection_id = i.connection_id;
    update approvals a set decided_kind = 'person', state = 'approved', decided_at = now(),
           decided_by = (select type_id('per', person_id) from people order by external_id limit 1)";

#[tokio::test]
async fn every_table_is_erased_or_kept_for_a_reason() {
    let test = TestDb::new().await;
    let catalog = Catalog::read(&mut test.owner().await).await.unwrap();
    let there: BTreeSet<&str> = catalog.tenant_tables().unwrap().iter().map(|table| table.name.as_str()).collect();
    let kept: BTreeSet<&str> = KEPT.iter().map(|(table, _)| *table).collect();
    let erased: BTreeSet<&str> = PARTS.iter().map(|part| part.table).collect();
    assert_eq!(kept.len(), KEPT.len());
    assert_eq!(kept.intersection(&erased).collect::<Vec<_>>(), [&""; 0]);
    let listed: BTreeSet<&str> = kept.union(&erased).copied().collect();
    assert_eq!(
        listed, there,
        "a table that is new stands in privacy/parts.rs or, with its reason, in privacy/kept.rs"
    );
    assert!(KEPT.iter().all(|(_, reason)| reason.len() > 5));
}

#[tokio::test]
async fn nothing_of_a_person_is_left_in_any_table() {
    let mut arena = Arena::new().await.unwrap();
    let before = arena.prints(theirs).await.unwrap();
    let tenant = TenantId::from_uuid(ours(&arena.catalog).id);
    change(&arena.test, tenant.uuid(), SETTLED).await;
    let db = arena.test.db.tenant(tenant);
    let all = people(&db).await;
    let places = Places::new(&arena.test);
    let eraser = places.eraser(&arena.test).await;
    let files: Vec<MediaId> = media(&db).await;
    for file in &files {
        places.storage.put(tenant, *file, &b"CANARY-A in a file"[..]).await.expect("it is kept");
    }
    let found = residue::in_tables(&arena.test, tenant, &["CANARY-A"]).await.unwrap();
    for table in PARTS.iter().map(|part| part.table) {
        assert!(
            found.iter().any(|column| column.starts_with(&format!("{table}."))),
            "{table} has words: {found:?}"
        );
    }

    let mut tx = db.begin_for_all_audiences().await.expect("a transaction");
    let expected = privacy::forecast(&mut tx, &all).await.expect("it is counted").counts;
    tx.close().await.expect("closed");
    let signed = erase(&eraser, &db, &all).await;
    let kept: Vec<&str> = KEPT.iter().map(|(table, _)| *table).collect();
    let mut left = residue::in_tables(&arena.test, tenant, &["CANARY-A"]).await.unwrap();
    left.retain(|column| {
        let (table, rest) = column.split_once('.').expect("table.column");
        let name = format!("{table}.{}", rest.split(':').next().unwrap_or_default());
        !kept.contains(&table) && !OF_NOBODY.contains(&name.as_str())
    });
    assert_eq!(left, [""; 0]);
    assert_eq!(residue::in_files(places.folder.path(), &["CANARY-A"]).unwrap(), [""; 0]);
    assert_eq!(arena.prints(theirs).await.unwrap(), before, "the other tenant's rows are as they were");
    assert!(signed.is_proved_by(&places.outside()));
    let (kept, strange) = erasing::kept(&places.outside()).await.expect("they are there");
    assert_eq!((kept.len(), strange.len()), (1, 0));
    for table in PARTS.iter().map(|part| part.table) {
        assert!(signed.certificate.counts.contains_key(table), "{table}: {:?}", signed.certificate.counts);
    }
    let differ = |table: &&str| signed.certificate.counts.get(*table) != expected.get(*table);
    let twice: Vec<&str> = expected.keys().map(String::as_str).filter(|table| differ(table)).collect();
    assert_eq!(twice, ["approvals", "messages"], "{expected:?} {:?}", signed.certificate.counts);
    for table in twice {
        assert!(signed.certificate.counts[table] > expected[table], "{table} is changed in two steps");
    }
}

async fn media(db: &TenantDb) -> Vec<MediaId> {
    let mut tx = db.begin().await.expect("a transaction");
    let all = sqlx::query_scalar("select media_id from media where tenant_id = $1")
        .bind(db.id())
        .fetch_all(tx.conn())
        .await;
    tx.close().await.expect("closed");
    all.expect("media")
}

#[tokio::test]
async fn a_tenant_that_ends_leaves_no_row_in_any_table_and_its_certificate_outlives_it() {
    let mut arena = Arena::new().await.unwrap();
    let before = arena.prints(theirs).await.unwrap();
    let tenant = TenantId::from_uuid(ours(&arena.catalog).id);
    let places = Places::new(&arena.test);
    places.storage.put(tenant, MediaId::new(), &b"CANARY-A"[..]).await.expect("it is kept");
    let other = TenantId::from_uuid(theirs(&arena.catalog).id);
    places.storage.put(other, MediaId::new(), &b"CANARY-B"[..]).await.expect("it is kept");
    let config = &arena.test.config.clone();
    let id = tenant.to_string();

    let head: Vec<_> = system::audit_heads(&arena.test.db.system(), None).await.expect("heads");
    let at = shared::clock::Clock::system().now();
    let kept = head.into_iter().map(|(tenant_id, n, hash)| Checkpoint { tenant_id, n, hash, at });
    places.outside().keep(&kept.collect::<Vec<_>>(), at).await.expect("it is kept");

    let refused = places.konstruct(config, &["erase", "tenant", &id]);
    assert_eq!(refused.status.code(), Some(1), "not without --yes");
    assert!(residue::rows(&arena.test, tenant).await.unwrap().len() > 70);

    let done = places.konstruct(config, &["--json", "erase", "tenant", &id, "--yes"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(residue::rows(&arena.test, tenant).await.unwrap(), [""; 0]);
    assert_eq!(residue::in_files(places.folder.path(), &["CANARY-A"]).unwrap(), [""; 0]);
    assert_eq!(residue::in_files(places.folder.path(), &["CANARY-B"]).unwrap().len(), 1);
    assert_eq!(arena.prints(theirs).await.unwrap(), before, "the other tenant's rows are as they were");
    let certificate: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let counts = &certificate["certificate"]["counts"];
    assert_eq!((&counts["messages"], &counts["files"]), (&Value::from(2), &Value::from(1)), "{counts}");
    let (kept, _) = erasing::kept(&places.outside()).await.expect("they are there");
    assert_eq!(kept.len(), 1);
    assert!(kept[0].is_proved_by(&places.outside()) && kept[0].certificate.audit_n > Some(2));

    let verified = places.konstruct(config, &["audit", "verify"]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains(&format!("{tenant}  erased with its ")), "{said}");

    let again = places.konstruct(config, &["erase", "tenant", &TenantId::new().to_string(), "--yes"]);
    assert_eq!(again.status.code(), Some(1), "a tenant that nobody knows");
}

#[tokio::test]
async fn only_a_tenant_that_ends_can_lose_rows_and_it_never_goes_on() {
    let test = TestDb::new().await;
    let (tenant, _) = test.tenant("acme").await;
    let mut system = test.system().await;
    let set = format!("select set_config('app.current_tenant', '{}', false)", tenant.uuid());
    system.execute(AssertSqlSafe(set)).await.expect("it is set");
    let removed = system.execute("select tenant_rows_end('api_keys', 10)").await.expect_err("it goes on");
    assert_eq!(removed.as_database_error().and_then(|error| error.code()).unwrap_or_default(), "42501");
    let mut app = test.app().await;
    let forbidden = app.execute("select tenant_rows_end('api_keys', 10)").await.expect_err("not for the app");
    assert_eq!(forbidden.as_database_error().and_then(|error| error.code()).unwrap_or_default(), "42501");
    privacy::endings::begin(&test.db.system(), &Actor::System, tenant).await.expect("it ends");
    let lifted = suspensions::lift(&test.db.system(), &Actor::System, tenant, Waiting::Drop).await;
    assert!(lifted.is_err(), "it never goes on");
}

/// Two databases with the same rows are one, and a copy of it from before.
#[tokio::test]
async fn an_older_copy_of_the_database_learns_what_was_erased_since() {
    let (arena, older) = (Arena::new().await.unwrap(), Arena::new().await.unwrap());
    let (tenant, other) =
        (TenantId::from_uuid(ours(&arena.catalog).id), TenantId::from_uuid(theirs(&arena.catalog).id));
    for copy in [&arena, &older] {
        change(&copy.test, tenant.uuid(), SETTLED).await;
    }
    let places = Places::new(&arena.test);
    let eraser = places.eraser(&arena.test).await;
    let db = arena.test.db.tenant(tenant);
    erase(&eraser, &db, &people(&db).await[..1]).await;
    eraser
        .tenant(&arena.test.db.system(), &arena.test.db.tenant(other), &Actor::System, |_, _| ())
        .await
        .expect("it is gone");

    let replay = || places.konstruct(&older.test.config, &["--json", "erase", "replay"]);
    let done = replay();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(told["erased_again"].as_array().map(Vec::len), Some(2), "{told}");
    assert_eq!(people_known(&older.test.db.tenant(tenant)).await, 1, "one of two is erased there, too");
    assert_eq!(residue::rows(&older.test, other).await.unwrap(), [""; 0]);
    let told: Value = serde_json::from_slice(&replay().stdout).expect("JSON");
    assert_eq!((&told["erased_again"], &told["were_gone"]), (&serde_json::json!([]), &Value::from(4)), "{told}");

    // Who can write where certificates lie can't have anybody erased.
    let forged = places.folder.path().join("outside/erasures/forged.json");
    let kept = std::fs::read_dir(forged.parent().expect("a folder")).expect("certificates").next();
    let text = std::fs::read_to_string(kept.expect("one").expect("a file").path()).expect("text");
    std::fs::write(&forged, text.replace("\"requested_by\":\"", "\"requested_by\":\"x")).expect("it is written");
    let refused = replay();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not signed by the key"));
}

async fn people_known(db: &TenantDb) -> i64 {
    let mut tx = db.begin().await.expect("a transaction");
    let known =
        sqlx::query_scalar("select count(*) from people where tenant_id = $1 and external_id not like 'erased:%'")
            .bind(db.id())
            .fetch_one(tx.conn())
            .await;
    tx.close().await.expect("closed");
    known.expect("a number")
}

#[tokio::test]
async fn what_is_under_way_ends_first_and_a_killed_erasure_goes_on() {
    let arena = Arena::new().await.unwrap();
    let tenant = TenantId::from_uuid(ours(&arena.catalog).id);
    change(&arena.test, tenant.uuid(), SETTLED).await;
    change(
        &arena.test,
        tenant.uuid(),
        "update runs set state = 'running', started_at = now() - interval '1 minute'",
    )
    .await;
    let db = arena.test.db.tenant(tenant);
    let eraser = Places::new(&arena.test).eraser(&arena.test).await;
    let mut tx = db.begin().await.expect("a transaction");
    let id = privacy::request(&mut tx, &Actor::System, &people(&db).await).await.expect("they are known");
    tx.commit().await.expect("stored");
    assert!(matches!(eraser.empty(&db, id).await, Err(EraseError::UnderWay(_))));
    change(&arena.test, tenant.uuid(), "update runs set state = 'done'").await;
    eraser.empty(&db, id).await.expect("they are emptied");
    // Whoever did that is gone; somebody else begins from the start.
    eraser.empty(&db, id).await.expect("nothing is left to do");
    let signed = eraser.finish(&db, id).await.expect("it is done");
    assert_eq!(eraser.finish(&db, id).await.expect("twice is once").certificate, signed.certificate);
}
