//! `konstruct audit verify` as whoever looks after an installation runs it, before and after somebody was at the tables.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::{
    db::audit::{self, Actor},
    ids::TenantId,
    testing::TestDb,
};
use sqlx::{AssertSqlSafe, Executor};

/// Beside the test binary's folder.
fn konstruct() -> PathBuf {
    let here = std::env::current_exe().expect("the test has a path");
    here.ancestors().nth(2).expect("target/debug").join("konstruct")
}

fn verify(test: &TestDb, arguments: &[&str]) -> Output {
    Command::new(konstruct())
        .args(["audit", "verify"])
        .args(arguments)
        .env("DATABASE_URL", test.config.database_url.expose_secret())
        .env("DATABASE_SYSTEM_URL", test.config.database_system_url.expose_secret())
        .env("RUST_LOG", "off")
        .output()
        .expect("the konstruct binary is built with the workspace")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn acts(test: &TestDb, tenant: TenantId) {
    let mut tx = test.db.tenant(tenant).begin().await.expect("a transaction begins");
    for _ in 0..4 {
        let done =
            audit::append(&mut tx, &Actor::System, "agent.shape", ("agent", "Grace"), json!({ "a": 1 })).await;
        done.expect("the act is recorded");
    }
    tx.commit().await.expect("the acts are stored");
}

async fn tamper(test: &TestDb, sql: String) {
    let script = format!(
        "alter table audit_events no force row level security; alter table audit_heads no force row level security; {sql}"
    );
    let mut owner = test.owner().await;
    owner.execute(sqlx::raw_sql(AssertSqlSafe(script))).await.expect("the owner may do that");
}

#[tokio::test]
async fn attacks_209_and_211_the_command_names_tenant_and_row_and_fails() {
    let test = TestDb::new().await;
    let (acme, bolt) = (test.tenant("acme").await.0, test.tenant("bolt").await.0);
    let cast = test.tenant("cast").await.0;
    for tenant in [acme, bolt, cast] {
        acts(&test, tenant).await;
    }
    let whole = verify(&test, &[]);
    assert!(whole.status.success(), "{}", text(&whole.stderr));
    let lines: Vec<String> = text(&whole.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("whole, 5 rows, head ")), "{lines:?}");

    tamper(&test, format!("update audit_events set action = 'x' where tenant_id = '{}' and n = 3", acme.uuid()))
        .await;
    tamper(&test, format!("delete from audit_events where tenant_id = '{}' and n > 2", bolt.uuid())).await;
    let broken = verify(&test, &[]);
    assert_eq!(broken.status.code(), Some(1));
    let told = text(&broken.stdout);
    for line in [
        format!("{acme}  BROKEN: Row 3 was changed"),
        format!("{bolt}  BROKEN: Row 3 is missing"),
        format!("{cast}  whole, 5 rows"),
    ] {
        assert!(told.contains(&line), "`{line}` in {told}");
    }
    let sentence = text(&broken.stderr);
    assert!(sentence.starts_with("konstruct: 2 of 3 audit logs"), "{sentence}");
    assert_eq!(sentence.lines().count(), 1, "{sentence}");

    let one = verify(&test, &["--tenant", &cast.to_string()]);
    assert!(one.status.success() && text(&one.stdout).lines().count() == 1);
    let one = verify(&test, &["--tenant", &bolt.to_string(), "--json"]);
    assert_eq!(one.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&one.stdout).expect("JSON");
    let fault = &told["tenants"][0]["fault"];
    assert_eq!(
        (&told["whole"], &told["tenants"][0]["tenant_id"], &fault["n"], &fault["kind"]),
        (&json!(false), &json!(bolt.to_string()), &json!(3), &json!("missing"))
    );
    let nobody = verify(&test, &["--tenant", &TenantId::new().to_string()]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).starts_with("konstruct: There is no tenant ten_"), "{}", text(&nobody.stderr));
}
