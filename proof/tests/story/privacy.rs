//! Ada talks in Slack and on WhatsApp, is answered, quoted and handed over; then she is erased, and nobody else is.

use std::path::PathBuf;

use proof::residue;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use simulators::{FileUp, Say};

use crate::{
    house::{Tenant, konstruct},
    phones::{ADA, GRACE, Phones, Shop},
};

/// What only Ada says, everywhere she says something.
const WORD: &str = "ZEBULON";
/// What she is called and known by; none of it could be a piece of an id in hexadecimal.
const HER: [&str; 5] = [WORD, "Lovelace", "UADA", "DHERS", ADA];

/// The same tenant in Slack.
async fn in_slack<'a>(shop: &'a Shop<'a>, name: &str) -> Tenant<'a> {
    let token = format!("xoxb-simulated-{name}");
    shop.call("POST", "connections", json!({ "channel": "slack", "bot_token": token })).await;
    let team = simulators::team_of(&token).expect("a workspace");
    Tenant { house: &shop.phones.house, id: shop.id, key: shop.key.clone(), team, db: shop.db.clone() }
}

/// Everything that can become of what somebody says.
async fn talk(shop: &Shop<'_>, slack: &Tenant<'_>) {
    let told = slack.asks("CGENERAL", "UADA", "The vault code is ZEBULON-1.");
    slack.finished("CGENERAL", &told.thread_ts, 1).await;
    slack.says_in_thread("CGENERAL", "UGRACE", "Grace says FLAMINGO here.", &told.thread_ts);
    slack.finished("CGENERAL", &told.thread_ts, 2).await;
    let direct = slack.asks("DHERS", "UADA", "My badge code is ZEBULON-2.");
    slack.finished("DHERS", &direct.thread_ts, 1).await;
    let plan = FileUp::new("ZEBULON-plan.txt", "text/plain", "The depot opens with ZEBULON-3.\n");
    let file = slack.house.slack.say(Say::new(&slack.team, "CFILES", "UADA", "Look").mentioning().with(plan));
    slack.finished("CFILES", &file.thread_ts, 1).await;
    slack.everything_remembered().await;
    slack.change("update messages set sent_at = sent_at - interval '1 day' where tenant_id = $1").await;
    slack.change("update memories set said_at = said_at - interval '1 day' where tenant_id = $1").await;
    // A colleague is answered with her words, in another thread.
    let asked = slack.asks("CLAUNCH", "UGRACE", "What is the vault code? FLAMINGO asks.");
    let answer = slack.finished("CLAUNCH", &asked.thread_ts, 1).await;
    assert!(answer[0].contains("ZEBULON-1"), "{answer:?}");

    shop.hears(ADA, "My order number is ZEBULON-4.");
    shop.answered(ADA, 1).await;
    shop.hears(GRACE, "My order number is FLAMINGO-4.");
    shop.answered(GRACE, 1).await;
    slack.asks("DHERS", "UADA", "I want to talk to a human about ZEBULON-5.");
    slack.until("she is handed over", "select count(*) from escalations where tenant_id = $1", 1).await;
    slack
        .until("nothing is under way", "select count(*) from runs where tenant_id = $1 and state = 'running'", 0)
        .await;
    slack.until("nothing waits", "select count(*) from jobs where tenant_id = $1 and state = 'queued'", 0).await;
}

impl Shop<'_> {
    async fn person(&self, known_as: &str) -> String {
        let mut tx = self.db.begin().await.expect("a transaction");
        let id: String = sqlx::query_scalar(
            "select type_id('per', person_id) from people where tenant_id = $1 and (external_id = $2 or phone = $2)",
        )
        .bind(self.id)
        .bind(known_as)
        .fetch_one(tx.conn())
        .await
        .expect("a person");
        tx.close().await.expect("closed");
        id
    }

    async fn command(&self, arguments: &[&str]) -> (Option<i32>, Value, String) {
        let config = &self.phones.house.config;
        let output = tokio::process::Command::new(konstruct())
            .args(arguments)
            .env("DATABASE_URL", config.database_url.expose_secret())
            .env("DATABASE_SYSTEM_URL", config.database_system_url.expose_secret())
            .env("RUST_LOG", "off")
            .output()
            .await
            .expect("the konstruct binary is built with the workspace");
        let said = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), said, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn files(&self) -> PathBuf {
        let folder = self.phones.house.config.storage.url.to_file_path().expect("a folder");
        folder.join(self.id.uuid().to_string())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_nowhere_and_nobody_else_is_missing() {
    let phones = Phones::open().await;
    phones.house.start_orchestrator();
    let (acme, other) = (phones.shop("acme").await, phones.shop("other").await);
    let (slack, elsewhere) = (in_slack(&acme, "acme").await, in_slack(&other, "other").await);
    talk(&acme, &slack).await;
    talk(&other, &elsewhere).await;
    let under_way = "select (select count(*) from outbox where tenant_id = $1 and state = 'sending')
                          + (select count(*) from runs where tenant_id = $1 and state = 'running')
                          + (select count(*) from inbox where tenant_id = $1 and state = 'pending')
                          + (select count(*) from jobs where tenant_id = $1 and state = 'queued' and run_after < now())";
    slack.until("nothing is under way", under_way, 0).await;
    elsewhere.until("nothing is under way there", under_way, 0).await;
    let test = &phones.house.test;
    let theirs = residue::in_tables(test, other.id, &HER).await.expect("it is read");
    let hers =
        "select count(*) from messages where tenant_id = $1 and author_kind = 'person' and body like '%FLAMINGO%'";
    let said = slack.count(hers).await;
    let colleagues = residue::in_tables(test, acme.id, &["FLAMINGO-4"]).await.expect("it is read");
    assert!(!residue::in_files(&acme.files(), &[WORD]).expect("files").is_empty(), "her file is kept");

    let (tenant, in_slack, by_phone) = (acme.id.to_string(), acme.person("UADA").await, acme.person(ADA).await);
    let who = ["--tenant", &tenant, "--person", &in_slack, "--known-as", ADA];
    let (code, all, _) = acme.command(&[&["export", "person"][..], &who].concat()).await;
    assert_eq!(code, Some(0));
    let text = all.to_string();
    for said in ["ZEBULON-1", "ZEBULON-2", "ZEBULON-3", "ZEBULON-4", "ZEBULON-5", "Ada Lovelace", ADA] {
        assert!(text.contains(said), "{said} is handed out: {text}");
    }
    assert!(!text.contains("FLAMINGO"), "and nothing of Grace's: {text}");

    let (code, _, why) = acme.command(&[&["erase", "person"][..], &who].concat()).await;
    assert!(code == Some(1) && why.contains("--yes"), "{why}");
    let (code, certificate, why) =
        acme.command(&[&["--json", "erase", "person"][..], &who, &["--yes"]].concat()).await;
    assert_eq!(code, Some(0), "{why}");
    let people = certificate["certificate"]["people"].as_array().expect("people").len();
    assert_eq!(people, 2, "she is one human: {certificate}");

    assert_eq!(residue::in_tables(test, acme.id, &HER).await.expect("it is read"), [""; 0]);
    assert_eq!(residue::in_files(&acme.files(), &[WORD]).expect("files"), [""; 0]);
    assert_eq!(
        residue::in_tables(test, other.id, &HER).await.expect("it is read"),
        theirs,
        "the other tenant's Ada"
    );
    let still = residue::in_tables(test, acme.id, &["FLAMINGO-4"]).await.expect("it is read");
    assert_eq!(still, colleagues, "Grace");
    assert_eq!((slack.count(hers).await, said), (3, 3), "her words in Ada's thread, too");
    let (code, _, why) = acme
        .command(&[&["erase", "person"][..], &["--tenant", &tenant, "--person", &by_phone, "--yes"]].concat())
        .await;
    assert!(code == Some(1) && why.contains("erased already"), "{why}");

    // Who writes again is somebody new, in the same place.
    acme.hears(ADA, "What is my order number?");
    let answer = acme.answered(ADA, 2).await;
    assert!(!answer[1].contains(WORD), "{answer:?}");
    assert_ne!(acme.person(ADA).await, by_phone);
    let again = slack.asks("CLAUNCH", "UADA", "What is the vault code?");
    let answer = slack.finished("CLAUNCH", &again.thread_ts, 1).await;
    assert!(!answer[0].contains(WORD), "{answer:?}");
    assert_ne!(acme.person("UADA").await, in_slack);
}
