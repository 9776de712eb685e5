//! Rotation of the master key: while it goes on, wherever it is stopped, every secret opens.

use std::time::Duration;

use secrecy::ExposeSecret;
use shared::{
    crypto::{Keyring, Place, data_key_of},
    db::{
        connections, llm_keys,
        llm_keys::NewLlmKey,
        sealed::{self, COLUMNS, Column},
        system,
    },
    ids::LlmKeyId,
};
use sqlx::Row;

use crate::stage::{Firm, Stage};

const KEYS: usize = 15;
const OLD: &[(&str, char)] = &[("old", 'b')];
const NEW: &[(&str, char)] = &[("new", 'c')];
const BOTH: &[(&str, char)] = &[("new", 'c'), ("old", 'b')];

/// As a process reads it that just started: no data key is at hand.
fn keyring(ids: &[(&str, char)]) -> Keyring {
    let one = |(id, letter): &(&str, char)| format!("{id}:{}{}=", letter.to_string().repeat(42), 'A');
    Keyring::parse(&ids.iter().map(one).collect::<Vec<_>>().join(",")).expect("a valid keyring")
}

fn column(table: &str) -> &'static Column {
    COLUMNS.iter().find(|column| column.table == table).expect("a sealed column")
}

/// A firm whose secrets are sealed as they were before there were data keys, under the old key; every third model key is sealed
/// under a data key.
async fn furnished(stage: &Stage, old: &Keyring) -> Firm {
    let acme = stage.firm("acme").await;
    system::fingerprint_key(&stage.db().system(), old).await.expect("the platform's own secret is made");
    let url = "https://models.example.com/v1".parse().expect("a URL");
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let place = |table, column, row| Place { tenant: Some(acme.tenant), table, column, row };
    // What the stage sealed under the key of the environment.
    let keys = &stage.test.config.master_keys;
    let token = connections::token(&mut tx, keys, acme.connection).await.expect("a token");
    let row = acme.connection.uuid();
    let anew = old.seal(&place("channel_connections", "access_token", row), token.expose_secret().as_bytes());
    sealed::write(&mut tx, column("channel_connections"), row, &anew).await.expect("it is written");
    sqlx::query("delete from data_keys").execute(tx.conn()).await.expect("the stage's data key is gone");
    for n in 0..KEYS {
        let (secret, name) = (format!("sk-secret-{n}").into(), format!("key {n}"));
        let new = NewLlmKey {
            id: LlmKeyId::new(),
            name: &name,
            base_url: &url,
            secret: &secret,
            hint: "",
            default_model: "m",
            is_default: false,
            platform_fallback: false,
            created_by: "a test",
        };
        llm_keys::create(&mut tx, old, &new).await.expect("a key is stored");
        if n % 3 != 0 {
            let row = new.id.uuid();
            let before = old.seal(&place("llm_keys", "sealed", row), secret.expose_secret().as_bytes());
            sealed::write(&mut tx, column("llm_keys"), row, &before).await.expect("it is written");
        }
    }
    tx.commit().await.expect("the firm is stored");
    acme
}

/// How many of the model keys a process opens that knows these master keys.
async fn open(acme: &Firm, ids: &[(&str, char)]) -> usize {
    let keys = keyring(ids);
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let mut count = 0;
    for key in llm_keys::list(&mut tx).await.expect("the keys are listed") {
        if let Ok(Some((key, secret))) = llm_keys::find(&mut tx, &keys, key.id).await {
            assert_eq!(secret.expose_secret(), key.name.replace("key ", "sk-secret-"));
            count += 1;
        }
    }
    tx.close().await.expect("it ends");
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_114_a_rotation_that_is_killed_again_and_again_loses_no_secret_and_ends() {
    let stage = Stage::new().await;
    let acme = furnished(&stage, &keyring(OLD)).await;
    for killed_after in 0..40_u64 {
        // Dropped like a process that dies: what was not committed never was.
        let both = keyring(BOTH);
        let rotating = sealed::rotate(&acme.db, &both);
        let _ = tokio::time::timeout(Duration::from_millis(killed_after), rotating).await;
        assert_eq!(open(&acme, BOTH).await, KEYS, "killed after {killed_after} ms");
        // A commit that was on its way may land between two looks.
        let mut looks = 0;
        while open(&acme, OLD).await + open(&acme, NEW).await != KEYS {
            looks += 1;
            assert!(looks < 20, "each is under exactly one of the keys");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let both = keyring(BOTH);
    sealed::rotate(&acme.db, &both).await.expect("it ends");
    sealed::rotate_untied(&stage.db().system(), &both).await.expect("it ends");
    assert_eq!((open(&acme, NEW).await, open(&acme, OLD).await), (KEYS, 0));
    let again = sealed::rotate(&acme.db, &both).await.expect("it ends");
    let looked_at = KEYS as u64 + 2;
    assert_eq!((again.looked_at, again.resealed), (looked_at, 0), "keys, token, data key: nothing is left to do");
    let mut tx = acme.db.begin().await.expect("a transaction begins");
    let all: Vec<Vec<u8>> =
        sqlx::query_scalar("select sealed from llm_keys union all select access_token from channel_connections")
            .fetch_all(tx.conn())
            .await
            .expect("the secrets as they lie there");
    let first = data_key_of(&all[0]).expect("a data key");
    assert!(
        all.iter().all(|sealed| data_key_of(sealed) == Some(first)),
        "all are under the tenant's one data key"
    );
    // The old key may go.
    let new = keyring(NEW);
    system::fingerprint_key(&stage.db().system(), &new).await.expect("the new key fits");
    let token = connections::token(&mut tx, &new, acme.connection).await.expect("the token opens");
    assert_eq!(token.expose_secret(), "xoxb-test");
    tx.close().await.expect("it ends");
    assert!(acme.count("select count(*) from audit_events where action = 'secrets.rotate'").await >= 2);
}

#[tokio::test]
async fn a_rotation_with_a_wrong_key_changes_nothing() {
    let stage = Stage::new().await;
    let acme = furnished(&stage, &keyring(OLD)).await;
    let sealed = "select md5(string_agg(sealed::text, '|' order by id)) from (
                      select llm_key_id as id, sealed from llm_keys union all select data_key_id, sealed from data_keys) s";
    let before = acme.texts(sealed).await;
    let wrong = keyring(&[("new", 'c'), ("old", 'd')]);
    sealed::rotate(&acme.db, &wrong).await.expect_err("the old key does not fit");
    assert_eq!(acme.texts(sealed).await, before);
    assert_eq!(open(&acme, OLD).await, KEYS);
}

/// Who adds a sealed column is reminded of the rotation: every column of bytes is sealed, or known as something else.
#[tokio::test]
async fn every_sealed_column_is_rotated() {
    // Hashes go by their name.
    const OTHERS: [&str; 14] = [
        "_sqlx_migrations.checksum",
        // Of a call's arguments.
        "approvals.digest",
        "audit_events.previous",
        // Of what a page said last.
        "document_addresses.digest",
        "inbox.raw",
        "interactions.raw",
        "media.claimed_sha256",
        "media.sha256",
        "quarantine.raw",
        "system_secrets.sealed",
        "tool_calls.digest",
        // Of how a server describes its tool.
        "tools.remote_digest",
        "tools.seen_digest",
        "users.totp_secret",
    ];
    let stage = Stage::new().await;
    let rows = sqlx::query(
        "select c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
          where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid = 'bytea'::regtype
            and a.attnum > 0 and not a.attisdropped order by 1",
    )
    .fetch_all(&mut stage.test.owner().await)
    .await
    .expect("the catalogue can be read");
    let unknown: Vec<String> = rows
        .iter()
        .map(|row| row.get::<String, _>("name"))
        .filter(|name| !name.ends_with("hash") && !OTHERS.contains(&name.as_str()))
        .filter(|name| !COLUMNS.iter().any(|known| format!("{}.{}", known.table, known.column) == *name))
        .collect();
    assert!(unknown.is_empty(), "sealed, or what else? {unknown:?}");
}
