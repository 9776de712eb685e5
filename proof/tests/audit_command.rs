//! `konstruct audit verify` as whoever looks after an installation runs it, before and after somebody was at the tables.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::{Command, Output},
};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::{
    checkpoints::Checkpoints,
    clock::Clock,
    config::{CheckpointConfig, CheckpointKey, StorageConfig},
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
    run(test, arguments, &[])
}

fn verify_with(test: &TestDb, variables: &[(&str, String)]) -> Output {
    run(test, &[], variables)
}

fn run(test: &TestDb, arguments: &[&str], variables: &[(&str, String)]) -> Output {
    Command::new(konstruct())
        .args(["audit", "verify"])
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
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

/// Outside of the database, what an installation keeps each minute. Its worker is not waited for: this is what it does.
async fn keep(test: &TestDb, outside: &CheckpointConfig) {
    let checkpoints = Checkpoints::open(outside).expect("a folder");
    let kept =
        worker::checkpoints::keep_grown(&test.db, &checkpoints, &Clock::system(), &mut HashMap::new()).await;
    assert_eq!(kept.expect("a checkpoint is kept"), 2);
}

/// Recomputes a tenant's chain from row 3 to its end and its head, as somebody can who has everything but the key.
fn forged(tenant: TenantId) -> String {
    let tenant = tenant.uuid();
    format!(
        "alter table audit_events disable trigger user;
         do $$ declare r record; link bytea; begin
           update audit_events set action = 'agent.nothing' where tenant_id = '{tenant}' and n = 3;
           select hash into link from audit_events where tenant_id = '{tenant}' and n = 2;
           for r in select * from audit_events where tenant_id = '{tenant}' and n > 2 order by n loop
             update audit_events set previous = link, hash = audit_hash(encode(link, 'hex'), tenant_id::text, n::text,
                    extract(epoch from at)::text, actor_kind, actor_id, action, target_kind, target_id, detail::text)
              where tenant_id = r.tenant_id and n = r.n returning hash into link;
           end loop;
           update audit_heads set hash = link where tenant_id = '{tenant}';
         end $$"
    )
}

#[tokio::test]
async fn attack_210_a_chain_that_is_forged_to_its_end_differs_from_a_checkpoint() {
    let test = TestDb::new().await;
    let (acme, bolt) = (test.tenant("acme").await.0, test.tenant("bolt").await.0);
    for tenant in [acme, bolt] {
        acts(&test, tenant).await;
    }
    let folder = std::env::temp_dir().join(format!("konstruct-checkpoints-{}", std::process::id()));
    let variables = [
        ("AUDIT_CHECKPOINT_URL", format!("file://{}", folder.display())),
        ("AUDIT_CHECKPOINT_KEY", "5a".repeat(32)),
    ];
    let url = variables[0].1.parse().expect("a URL");
    let outside = CheckpointConfig {
        storage: StorageConfig { url, ..test.config.storage.clone() },
        key: CheckpointKey::Signs(variables[1].1.clone().into()),
    };
    keep(&test, &outside).await;
    acts(&test, acme).await;
    let public = Checkpoints::open(&outside).expect("a folder").public_key();
    // Who checks has the public half only.
    let checks = [variables[0].clone(), ("AUDIT_CHECKPOINT_PUBLIC_KEY", public)];
    let whole = verify_with(&test, &checks);
    assert!(whole.status.success(), "{}{}", text(&whole.stdout), text(&whole.stderr));
    assert!(text(&whole.stdout).contains("whole, 9 rows, as 1 checkpoints tell"), "{}", text(&whole.stdout));

    tamper(&test, forged(acme)).await;
    assert!(verify(&test, &[]).status.success(), "the rows and the head alone don't tell");
    let broken = verify_with(&test, &checks);
    assert_eq!(broken.status.code(), Some(1));
    let told = text(&broken.stdout);
    assert!(
        told.contains(&format!("{acme}  BROKEN: Row 5 is not the one that a signed checkpoint tells of")),
        "{told}"
    );
    assert!(told.contains(&format!("{bolt}  whole, 5 rows, as 1 checkpoints")), "{told}");

    // A worker that starts afterwards signs what it finds, of the same row, and vouches for nothing by that.
    tamper(
        &test,
        format!(
            "delete from audit_events where tenant_id = '{0}' and n > 5;
         update audit_heads h set n = 5, hash = e.hash from audit_events e
          where e.tenant_id = '{0}' and e.n = 5 and h.tenant_id = '{0}'",
            acme.uuid()
        ),
    )
    .await;
    let signed_first = std::fs::read_dir(folder.join("checkpoints")).expect("a folder").count();
    keep(&test, &outside).await;
    let contradicted = verify_with(&test, &checks);
    assert!(!contradicted.status.success());
    assert!(text(&contradicted.stderr).contains("tell of different rows 5"), "{}", text(&contradicted.stderr));
    assert_eq!(signed_first, 1, "a day has one folder");
    let day =
        std::fs::read_dir(folder.join("checkpoints")).expect("a folder").next().expect("one").expect("one").path();
    let mut names: Vec<_> =
        std::fs::read_dir(day).expect("a folder").map(|file| file.expect("one").path()).collect();
    names.sort();
    std::fs::remove_file(names.pop().expect("the second")).expect("it goes");

    // Cut off to before the checkpoint, with a head that fits.
    let bolt_id = bolt.uuid();
    let cut = format!(
        "alter table audit_events disable trigger user; delete from audit_events where tenant_id = '{bolt_id}' and n > 3;
         update audit_heads h set n = 3, hash = e.hash from audit_events e
          where e.tenant_id = '{bolt_id}' and e.n = 3 and h.tenant_id = '{bolt_id}'"
    );
    tamper(&test, cut).await;
    assert!(text(&verify_with(&test, &checks).stdout).contains(&format!("{bolt}  BROKEN: Row 4 is missing")));

    // A checkpoint by another key is not believed, and not passed over.
    let mut other = variables.clone();
    other[1].1 = "a5".repeat(32);
    let refused = verify_with(&test, &other);
    assert!(!refused.status.success() && text(&refused.stderr).contains("not signed by the key"));
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}
