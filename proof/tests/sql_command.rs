//! `konstruct sql` as whoever looks after an installation runs it: one tenant's rows, nothing changed, all of it on record.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use secrecy::ExposeSecret;
use shared::{ids::TenantId, testing::TestDb};

/// Beside the test binary's folder.
fn konstruct() -> PathBuf {
    let here = std::env::current_exe().expect("the test has a path");
    here.ancestors().nth(2).expect("target/debug").join("konstruct")
}

struct Terminal {
    test: TestDb,
    acme: TenantId,
    other: TenantId,
}

impl Terminal {
    async fn open() -> Self {
        let test = TestDb::new().await;
        let (acme, other) = (test.tenant("Acme").await.0, test.tenant("Other").await.0);
        Self { test, acme, other }
    }

    /// What it says to `typed`, of arguments after the tenant's.
    fn says(&self, arguments: &[&str], typed: &str) -> Output {
        let mut child = Command::new(konstruct())
            .args(["sql", "--tenant", &self.acme.to_string()])
            .args(arguments)
            .env("DATABASE_URL", self.test.config.database_url.expose_secret())
            .env("DATABASE_SYSTEM_URL", self.test.config.database_system_url.expose_secret())
            .env("RUST_LOG", "off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the konstruct binary is built with the workspace");
        child.stdin.take().expect("it is piped").write_all(typed.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends")
    }

    fn answers(&self, query: &str) -> String {
        let output = self.says(&[query], "");
        assert!(output.status.success(), "{query}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The sentence it refuses with.
    fn refuses(&self, query: &str) -> String {
        let output = self.says(&[query], "");
        assert!(!output.status.success() && output.stdout.is_empty(), "{query}: {}", text(&output.stdout));
        text(&output.stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_the_tenants_rows_in_the_order_of_the_query() {
    let at = Terminal::open().await;
    assert_eq!(at.answers("select name, plan from tenants"), "name  plan\nAcme  enterprise\n(1 row)\n");
    assert_eq!(at.answers("select * from tenants where false;"), "(no rows)\n");
    assert_eq!(
        at.answers("values (2, null), (10, E'a\\nb') -- a note"),
        "column1  column2\n2        ∅\n10       a␣b\n(2 rows)\n"
    );
    let output = at.says(&["--json"], "select 1 as one,\n  'x' as two;\n\nselect count(*) from tenants");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "{\"one\":1,\"two\":\"x\"}\n{\"count\":1}\n");
    let many = at.says(&["select generate_series(1, 1500) as n"], "");
    assert_eq!(text(&many.stderr), "There are more than 1000 rows; these are the first.\n");
    assert_eq!(text(&many.stdout).lines().count(), 1_002);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_tenant_is_reached_and_nothing_is_changed() {
    let at = Terminal::open().await;
    let foreign = format!("select count(*) from tenants where tenant_id = '{}'", at.other.uuid());
    assert_eq!(at.answers(&foreign), "count\n0\n(1 row)\n");
    for query in [
        format!(
            "select set_config('app.current_tenant', '{}', true), (select count(*) from tenants)",
            at.other.uuid()
        ),
        format!("select SET_CONFIG('app.' || 'x', '{}', true)", at.other.uuid()),
        "select current_setting('app.current_tenant')".to_owned(),
    ] {
        assert!(at.refuses(&query).contains("the tenant is the one that was named at the start"), "{query}");
    }
    for query in [
        "update tenants set name = 'Mine'",
        "with gone as (delete from agents returning 1) select * from gone",
        "select 1) as a; delete from agents; select * from (select 1",
        "begin; commit",
        "select 1; select 2",
    ] {
        at.refuses(query);
    }
    assert!(at.refuses("select audit_append('system', 'x', 'x', 'x', 'x', '{}')").contains("read-only"));
    assert!(at.refuses("selec 1").contains("What can be asked is one query"));
    assert_eq!(at.answers("select name from tenants"), "name\nAcme\n(1 row)\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_is_on_record_before_it_is_answered() {
    let at = Terminal::open().await;
    at.answers("select 1 as one");
    at.refuses("select nonsense");
    let log = "select n, actor_kind, detail ->> 'statement' as asked from audit_events where action = 'sql.read' order by n";
    let told = at.answers(log);
    let asked: Vec<&str> = told.lines().collect();
    assert!(asked[1].ends_with("command_line  select 1 as one"), "{told}");
    assert!(asked[2].ends_with("command_line  select nonsense"), "{told}");
    assert!(asked[3].contains("from audit_events"), "{told}");
    let nobody = Command::new(konstruct())
        .args(["sql", "--tenant", &TenantId::new().to_string(), "select 1"])
        .env("DATABASE_URL", at.test.config.database_url.expose_secret())
        .env("DATABASE_SYSTEM_URL", at.test.config.database_system_url.expose_secret())
        .env("RUST_LOG", "off")
        .output()
        .expect("it runs");
    assert!(!nobody.status.success() && text(&nobody.stderr).contains("There is no tenant"), "{nobody:?}");
}
