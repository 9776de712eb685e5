//! The master key is changed while people write, and whoever changes it is killed with -9 again and again.

use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::{
    crypto::{Keyring, Place, data_key_of},
    db::{connections, data_keys, sealed},
    ids::ConnectionId,
};
use tokio::process::Child;
use uuid::Uuid;

use crate::house::{House, Tenant, eventually};

const OLD: &str = "old:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbA=";
const NEW: &str = "new:ccccccccccccccccccccccccccccccccccccccccccA=";
const SECRETS: usize = 2_000;
const KILLS: usize = 8;

fn keyring(text: &str) -> Keyring {
    Keyring::parse(text).expect("a valid keyring")
}

fn both() -> String {
    format!("{NEW},{OLD}")
}

fn place(acme: &Tenant<'_>, row: Uuid) -> Place {
    Place { tenant: Some(acme.id), table: "mails", column: "content", row }
}

/// Secrets as they were before there were data keys: the connection's token, and mails that nobody sends.
async fn furnish(acme: &Tenant<'_>) {
    let (now, old) = (keyring(&both()), keyring(OLD));
    let mut tx = acme.db.begin().await.expect("a transaction");
    let connection: ConnectionId =
        sqlx::query_scalar("select connection_id from channel_connections where tenant_id = $1")
            .bind(acme.id)
            .fetch_one(tx.conn())
            .await
            .expect("a connection");
    let token = connections::token(&mut tx, &now, connection).await.expect("a token");
    let column = sealed::COLUMNS.iter().find(|column| column.column == "access_token").expect("a sealed column");
    let row = connection.uuid();
    let at = Place { tenant: Some(acme.id), table: "channel_connections", column: "access_token", row };
    let anew = old.seal(&at, token.expose_secret().as_bytes());
    sealed::write(&mut tx, column, row, &anew).await.expect("it is written");
    // The tenant's data key lies under the old key as well.
    data_keys::shred(&mut tx, &shared::db::audit::Actor::System).await.expect("it is gone");
    data_keys::sealing(&mut tx, &old).await.expect("another one");
    let ids: Vec<Uuid> = (0..SECRETS).map(|_| Uuid::now_v7()).collect();
    let contents =
        ids.iter().enumerate().map(|(n, id)| old.seal(&place(acme, *id), format!("secret {n}").as_bytes()));
    let insert = "insert into mails (tenant_id, mail_id, recipient, kind, content)
                  select $1, m.id, m.recipient, 'test', m.content
                    from unnest($2::uuid[], $3::text[], $4::bytea[]) as m (id, recipient, content)";
    sqlx::query(insert)
        .bind(acme.id)
        .bind(&ids)
        .bind((0..SECRETS).map(|n| format!("{n}@example.com")).collect::<Vec<_>>())
        .bind(contents.collect::<Vec<_>>())
        .execute(tx.conn())
        .await
        .expect("they are stored");
    tx.commit().await.expect("committed");
}

/// How many of the mails open with these keys, and how many lie under the data key.
async fn open(acme: &Tenant<'_>, keys: &str) -> (usize, usize) {
    let keys = keyring(keys);
    let mut tx = acme.db.begin().await.expect("a transaction");
    let rows: Vec<(Uuid, String, Vec<u8>)> =
        sqlx::query_as("select mail_id, recipient, content from mails where tenant_id = $1 and kind = 'test'")
            .bind(acme.id)
            .fetch_all(tx.conn())
            .await
            .expect("rows");
    let (mut opened, mut anew) = (0, 0);
    for (id, recipient, sealed) in &rows {
        anew += usize::from(data_key_of(sealed).is_some());
        if let Ok(secret) = data_keys::open(&mut tx, &keys, &place(acme, *id), sealed).await {
            let n = recipient.trim_end_matches("@example.com");
            assert_eq!(secret.as_slice(), format!("secret {n}").as_bytes());
            opened += 1;
        }
    }
    tx.close().await.expect("closed");
    (opened, anew)
}

/// How many of the mails lie under the data key.
async fn anew(acme: &Tenant<'_>) -> i64 {
    acme.count("select count(*) from mails where tenant_id = $1 and kind = 'test' and get_byte(content, 0) = 2")
        .await
}

fn rotation(house: &House) -> Child {
    let mut rotation = house.konstruct(&["--json", "key", "rotate"]);
    rotation.env("KONSTRUCT_MASTER_KEYS", both()).stdout(Stdio::piped()).stderr(Stdio::piped());
    rotation.spawn().expect("the konstruct binary is built with the workspace")
}

async fn to_its_end(house: &House) -> Value {
    let output = rotation(house).wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Somebody asks, and is answered, until the keys are changed. Returns how often.
async fn talk(acme: &Tenant<'_>, done: &AtomicBool) -> usize {
    let mut answered = 0;
    while !done.load(Ordering::Relaxed) {
        let asked = acme.asks("CGENERAL", "UADA", "The launch is on 14 March.");
        let replies = acme.finished("CGENERAL", &asked.thread_ts, 1).await;
        assert!(replies[0].contains("Noted"), "{replies:?}");
        answered += 1;
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_114_the_key_is_rotated_under_live_traffic_and_killed_in_the_middle() {
    let house = House::open_with(|config| config.master_keys = keyring(&both())).await;
    house.start_orchestrator();
    let acme = house.tenant("acme").await;
    furnish(&acme).await;
    let done = AtomicBool::new(false);
    let rotate = async {
        let mut in_the_middle = 0;
        for kill in 1..=KILLS {
            let before = anew(&acme).await;
            let mut process = rotation(&house);
            // Killed as soon as it has come a little further.
            while anew(&acme).await <= before && process.try_wait().expect("its state").is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // It may have come to its end a moment before.
            let _ = process.start_kill();
            process.wait().await.expect("it ends");
            let mut looks = 0;
            let anew = loop {
                let (opened, anew) = open(&acme, &both()).await;
                assert_eq!(opened, SECRETS, "kill {kill}: every secret opens");
                let (old, new) = (open(&acme, OLD).await.0, open(&acme, NEW).await.0);
                if (old, new) == (SECRETS - anew, anew) {
                    break anew;
                }
                // A commit that was on its way may land between two looks.
                looks += 1;
                assert!(looks < 20, "kill {kill}: each opens with exactly one of the keys, not {old} and {new}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            in_the_middle += usize::from((1..SECRETS).contains(&anew));
        }
        assert!(in_the_middle >= KILLS / 2, "{in_the_middle} of {KILLS} were killed in the middle");
        let last = to_its_end(&house).await;
        assert!(last["resealed"].as_u64() > Some(0), "{last}");
        assert_eq!(to_its_end(&house).await["resealed"], json!(0), "nothing is left to do");
        done.store(true, Ordering::Relaxed);
    };
    let (answered, ()) = tokio::join!(talk(&acme, &done), rotate);
    assert!(answered > 0);
    eprintln!("{answered} questions were answered meanwhile");
    // The old key may go.
    assert_eq!(open(&acme, NEW).await, (SECRETS, SECRETS));
    assert_eq!(open(&acme, OLD).await.0, 0);
    assert_eq!(acme.inbox().await.iter().filter(|(state, _)| state != "replied").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_117_a_crash_leaves_no_memory_behind() {
    let house = House::open().await;
    let log = std::env::temp_dir().join(format!("konstruct-limits-{}", std::process::id()));
    let process = house.spawn_orchestrator(&log);
    let limits = format!("/proc/{}/limits", process.id().expect("it runs"));
    let none = |text: &str| {
        let core = text.lines().find(|line| line.starts_with("Max core file size"));
        core.is_some_and(|line| line.split_whitespace().skip(4).take(2).eq(["0", "0"]))
    };
    eventually("core dumps are off", || std::fs::read_to_string(&limits).is_ok_and(|text| none(&text))).await;
    std::fs::remove_file(log).expect("it was written");
}
