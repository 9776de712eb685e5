//! The house rules a machine can check. Each finding names the file, the line and the reason.
//!
//! Needs no database: `cargo test --workspace --test tidy`. A rule that finds nothing may have stopped looking, so each
//! one is also shown a line that breaks it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;
use serde_yaml_ng::Value;

const LINES_MAX: usize = 400;
const SKIPPED: [&str; 7] = ["target", ".git", ".local", "node_modules", "dist", "snapshots", "test-results"];

/// Something only a few files may say.
struct Rule {
    pattern: &'static str,
    /// Files, each with what it does there. A name that ends in `/` is a folder.
    allowed: &'static [(&'static str, &'static str)],
    /// Tests, benchmarks and examples may say it, too.
    tests_may: bool,
    comments_count: bool,
    reason: &'static str,
}

const DOORS: Rule = Rule {
    pattern: r"\bdb\.tenant\(|\.system\(\)",
    allowed: &[
        ("shared/src/testing.rs", "makes tenants for tests"),
        ("shared/src/queue.rs", "a job brings its tenant; the sweeper finds lost ones"),
        ("shared/src/db/inbox.rs", "accepts messages of several tenants in one commit"),
        ("gateway/src/lib.rs", "opens the dedupe key at start"),
        ("gateway/src/acting.rs", "who acts as another is noted where they act"),
        ("gateway/src/auth.rs", "an API key or a session brings its tenant"),
        ("gateway/src/portal/auth/", "who signs in has no tenant yet"),
        ("gateway/src/install/visit.rs", "an install link or its state brings its tenant, and its hash must fit"),
        ("gateway/src/portal/dead_letters.rs", "a job that was given up brings its tenant"),
        ("gateway/src/webhooks/slack_store.rs", "a verified workspace brings its tenant"),
        ("gateway/src/webhooks/aside.rs", "what is put aside is nobody's"),
        ("gateway/src/webhooks/slack.rs", "a verified workspace brings its tenant"),
        ("gateway/src/webhooks/slack_acts/mod.rs", "a verified workspace brings its tenant"),
        ("gateway/src/webhooks/slack_command.rs", "a verified workspace brings its tenant"),
        ("gateway/src/webhooks/whatsapp.rs", "a named connection proves itself by its own secret"),
        ("gateway/src/webhooks/whatsapp_routes.rs", "a verified number brings its tenant"),
        ("gateway/src/webhooks/whatsapp_store.rs", "a verified number brings its tenant"),
        ("gateway/src/heartbeat.rs", "after a silence, every connection is caught up with"),
        ("shared/src/presence.rs", "a process belongs to no tenant"),
        ("gateway/src/webhooks/stripe.rs", "a verified customer brings its tenant"),
        ("orchestrator/src/lib.rs", "claims lanes of all tenants"),
        ("orchestrator/src/learning.rs", "asks which tenants have messages to learn from"),
        ("orchestrator/src/summing.rs", "asks which tenants have conversations to sum up"),
        ("orchestrator/src/rehearsing.rs", "asks which tenants have answers to rehearse"),
        ("orchestrator/src/opening.rs", "a lease brings its tenant"),
        ("orchestrator/src/turn.rs", "a lease brings its tenant"),
        ("orchestrator/src/watch.rs", "keeps a lease"),
        ("worker/src/lib.rs", "opens the dedupe key at start"),
        ("worker/src/embed.rs", "asks which tenants have memories to embed"),
        ("worker/src/schedule.rs", "sweeps lanes of all tenants"),
        ("worker/src/counting.rs", "asks whose days are to be counted"),
        ("worker/src/checkpoints.rs", "copies the heads of all audit logs out of the database"),
        ("cli/src/audit.rs", "checks every tenant's log, on the operator's word"),
        ("cli/src/eval.rs", "makes tenants to measure on, on the operator's word"),
        ("cli/src/doctor_", "examines every connection and number, on the operator's word"),
        ("cli/src/tenant.rs", "creates tenants, on the operator's word"),
        ("cli/src/privacy/", "erases and exports, on the operator's word"),
        ("cli/src/key.rs", "seals every secret anew, on the operator's word"),
        ("cli/src/sql.rs", "reads as one tenant, on the operator's word"),
        ("cli/src/money/", "sets prices and rates, and reports what a tenant used, on the operator's word"),
        ("cli/src/user.rs", "changes an account, on the operator's word"),
        ("cli/src/doctor.rs", "checks the master key"),
        ("cli/src/roles.rs", "checks the master key before serving"),
    ],
    tests_may: true,
    comments_count: false,
    reason: "a tenant is bound where it is proved; take a `TenantDb` or `TenantTx` instead, or list the file with its reason",
};

const SETTING: Rule = Rule {
    pattern: "set_config",
    allowed: &[
        ("shared/src/db/mod.rs", "begins every transaction with its tenant"),
        ("shared/src/db/reading.rs", "refuses whoever names it"),
        ("shared/src/db/privacy/retention.rs", "says that what goes has grown old, and nothing about tenants"),
        ("shared/src/db/planning.rs", "says how statements are planned, and nothing about tenants"),
    ],
    tests_may: true,
    comments_count: false,
    reason: "only shared/src/db/mod.rs says whose transaction it is (attack 6)",
};

const DYNAMIC_SQL: Rule = Rule {
    pattern: r"\bAssertSqlSafe\b|\braw_sql\b",
    allowed: &[
        ("shared/src/db/mod.rs", "folds a validated tenant id into `begin`"),
        ("shared/src/db/privacy.rs", "joins the constants of its list into one statement"),
        ("shared/src/db/reading.rs", "runs what the operator typed, which can change nothing"),
        ("shared/src/testing.rs", "names of test databases"),
    ],
    tests_may: true,
    comments_count: false,
    reason: "SQL is a constant with parameters, never put together (attack 33)",
};

const COMPARISON: Rule = Rule {
    pattern: r"(signature|secret|hash|hmac|mac|digest)\w*(\(\))?\)?\s*[!=]=[^=>]",
    allowed: &[],
    tests_may: true,
    comments_count: false,
    reason: "`==` stops at the first difference and so tells where it is; use crypto::verify_hmac_hex (attack 51)",
};

const ENVIRONMENT: Rule = Rule {
    pattern: r"\bstd::env\b|\benv::(var|vars|args|current_dir)\b",
    allowed: &[("shared/src/config.rs", "reads the environment once, at start")],
    tests_may: true,
    comments_count: false,
    reason: "the environment is read in shared/src/config.rs only",
};

const ALLOW: Rule = Rule {
    pattern: r"#!?\[(cfg_attr\(.*)?allow\(",
    allowed: &[],
    tests_may: false,
    comments_count: false,
    reason: "write `#[expect(lint, reason = \"…\")]`: it says why, and goes when it is no longer needed",
};

const LEFTOVERS: Rule = Rule {
    pattern: r"\bTOD[O]\b|\bFIXM[E]\b|\bXX[X]\b",
    allowed: &[],
    tests_may: false,
    comments_count: true,
    reason: "finish it, or write an issue",
};

const PROTOTYPE: Rule = Rule {
    pattern: r"\w\[[^\]'\x22]+\]\s*=[^=>]|__proto__|Object\.assign\(",
    allowed: &[("portal/src/lib/agents.ts", "fills a table by row and column")],
    tests_may: false,
    comments_count: false,
    reason: "a name from outside may be `__proto__`: use a `Map`, or make a new object",
};

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines with their numbers, without the unit tests at the end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut lines = self.text.lines().enumerate().peekable();
        std::iter::from_fn(move || {
            let (index, line) = lines.next()?;
            let tests_begin =
                line == "#[cfg(test)]" && lines.peek().is_some_and(|(_, next)| next.starts_with("mod tests"));
            (!tests_begin).then_some((index + 1, line))
        })
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("proof/")
            || ["tests", "examples", "benches"].iter().any(|folder| self.is_under(folder))
    }

    fn is_under(&self, folder: &str) -> bool {
        self.path.split('/').any(|part| part == folder)
    }
}

impl Rule {
    fn allows(&self, path: &str) -> bool {
        self.allowed.iter().any(|(name, _)| path == *name || name.ends_with(['/', '_']) && path.starts_with(name))
    }

    fn hits(&self, source: &Source) -> Vec<String> {
        let pattern = Regex::new(self.pattern).expect("the pattern is valid");
        let said = source.code().filter(|(_, line)| {
            (self.comments_count || !line.trim_start().starts_with("//")) && pattern.is_match(line)
        });
        said.map(|(number, _)| format!("{}:{number}: {}", source.path, self.reason)).collect()
    }

    fn findings(&self, sources: &[Source]) -> Vec<String> {
        let excused = |source: &Source| self.allows(&source.path) || (self.tests_may && source.is_test());
        let judged = sources.iter().filter(|source| !excused(source));
        let mut findings: Vec<String> = judged.flat_map(|source| self.hits(source)).collect();
        for (name, _) in self.allowed {
            let needed =
                sources.iter().any(|source| source.path.starts_with(name) && !self.hits(source).is_empty());
            if !needed {
                findings.push(format!("{name}:1: is listed in tidy.rs, but no longer needs to be"));
            }
        }
        findings
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn sources(extensions: &[&str]) -> Vec<Source> {
    let (root, mut found, mut folders) = (root(), Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
                folders.push(path);
            } else if path.is_file() && extensions.contains(&extension.as_str()) {
                let text = fs::read_to_string(&path).expect("a source is UTF-8");
                let path = path.strip_prefix(&root).expect("it lies below").to_string_lossy().into_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn rust() -> Vec<Source> {
    let sources = sources(&["rs"]);
    assert!(sources.len() > 80, "the sources are found at all: {}", sources.len());
    sources
}

#[track_caller]
fn assert_none(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.code().count();
    (lines > LINES_MAX).then(|| format!("{}:{LINES_MAX}: {lines} lines; split it by idea", source.path))
}

fn headless(source: &Source) -> Option<String> {
    let told = source.text.lines().next().is_some_and(|line| line.len() > 14 && line.starts_with("//! "));
    (!told).then(|| format!("{}:1: begin with `//!` and a sentence about what the file is for", source.path))
}

fn junk_room(source: &Source) -> Option<String> {
    let junk = Regex::new(r"(^|[/_])(utils?|helpers?|commons?|managers?|services?|misc)([/_.]|$)").expect("valid");
    junk.is_match(&source.path).then(|| format!("{}:1: name it after what it does", source.path))
}

#[test]
fn files_stay_readable_in_one_sitting() {
    assert_none(rust().iter().filter_map(too_long).collect());
}

#[test]
fn every_file_says_what_it_is_for() {
    assert_none(rust().iter().filter_map(headless).collect());
}

#[test]
fn no_file_is_named_like_a_junk_room() {
    assert_none(rust().iter().filter_map(junk_room).collect());
}

#[test]
fn tenants_are_bound_only_where_they_are_proved() {
    assert_none(DOORS.findings(&rust()));
}

#[test]
fn attack_6_only_the_door_sets_the_tenant() {
    assert_none(SETTING.findings(&rust()));
}

#[test]
fn attack_33_no_sql_is_put_together() {
    assert_none(DYNAMIC_SQL.findings(&rust()));
}

/// What a refusal's time could tell, no test on a busy machine can measure; what makes it tell, a test can read.
#[test]
fn attack_51_secrets_are_compared_in_constant_time_only() {
    assert_none(COMPARISON.findings(&rust()));
    let crypto = sources(&["rs"]).into_iter().find(|source| source.path == "shared/src/crypto.rs");
    let crypto = crypto.expect("the file is there").text;
    let (_, verify) = crypto.split_once("pub fn verify_hmac_hex").expect("the function is there");
    let body = verify.split("\n}").next().unwrap_or_default();
    assert!(body.contains(".ct_eq(") && !body.contains("=="), "{body}");
}

#[test]
fn the_environment_is_read_in_one_place() {
    assert_none(ENVIRONMENT.findings(&rust()));
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    assert_none(ALLOW.findings(&rust()));
}

#[test]
fn no_object_of_the_portal_is_written_into_under_a_computed_name() {
    let portal = sources(&["ts", "tsx"]);
    assert!(portal.len() > 80, "the sources are found at all: {}", portal.len());
    assert_none(PROTOTYPE.findings(&portal));
}

#[test]
fn nothing_is_left_for_later() {
    let mut all = rust();
    all.extend(sources(&["sql", "sh", "toml", "yml"]));
    assert_none(LEFTOVERS.findings(&all));
}

#[test]
fn each_rule_bites() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
    for (rule, line) in [
        (&DOORS, "let tx = gateway.db.tenant(id).begin().await?;"),
        (&DOORS, "sweep(&db.system()).await?;"),
        (&SETTING, "\"select set_config('app.current_tenant', $1, true)\""),
        (&DYNAMIC_SQL, "sqlx::query(AssertSqlSafe(format!(\"select {column}\")))"),
        (&COMPARISON, "if given_hash() != expected {"),
        (&COMPARISON, "signature == expected"),
        (&ENVIRONMENT, "let port = std::env::var(\"PORT\");"),
        (&ALLOW, concat!("#[al", "low(dead_code)]")),
        (&ALLOW, concat!("#![al", "low(unused)]")),
        (&PROTOTYPE, "settings[name] = value"),
        (&PROTOTYPE, "Object.assign(settings, JSON.parse(text))"),
        (&LEFTOVERS, concat!("// TO", "DO: later")),
    ] {
        let found = rule.hits(&source("gateway/src/new.rs", &format!("//! New.\n{line}\n")));
        assert_eq!(found, [format!("gateway/src/new.rs:2: {}", rule.reason)], "{line}");
        let in_tests = format!("//! New.\n#[cfg(test)]\nmod tests {{\n{line}\n}}\n");
        assert!(
            rule.hits(&source("gateway/src/new.rs", &in_tests)).is_empty(),
            "unit tests at the end don't count"
        );
    }
    assert!(DOORS.hits(&source("a.rs", "// db.tenant(id) is for the door only")).is_empty());
    assert!(too_long(&source("a.rs", &"x\n".repeat(LINES_MAX + 1))).is_some());
    assert!(too_long(&source("a.rs", &"x\n".repeat(LINES_MAX))).is_none());
    assert!(headless(&source("a.rs", "use std::fs;")).is_some() && headless(&source("a.rs", "//!\n")).is_some());
    for name in
        ["src/utils.rs", "src/http_helpers.rs", "src/common/mod.rs", "src/agent_manager.rs", "src/service.rs"]
    {
        assert!(junk_room(&source(name, "")).is_some(), "{name}");
    }
    assert!(junk_room(&source("shared/src/serve.rs", "")).is_none());
}

/// Names of schemas that two types have: the API's description would hold one of them, and say it of both.
fn twice_described(sources: &[Source]) -> Vec<String> {
    let schema = Regex::new(
        r"derive\([^\]]*ToSchema[^\]]*\)\]\n(?:#\[[^\n]*\n)*(?:pub(?:\([a-z]+\))? )?(?:struct|enum) (\w+)",
    )
    .expect("valid");
    let found = sources.iter().flat_map(|source| schema.captures_iter(&source.text));
    let mut names: Vec<&str> = found.map(|found| found.get(1).map_or("", |name| name.as_str())).collect();
    names.sort_unstable();
    names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned()).collect()
}

#[test]
fn each_type_of_the_api_has_a_name_of_its_own() {
    assert_none(twice_described(&rust()));
    let body = "#[derive(Serialize, ToSchema)]\npub struct Body {\n";
    let source = |name: &str| Source { path: name.into(), text: body.into() };
    assert_eq!(twice_described(&[source("a.rs"), source("b.rs")]), ["Body"]);
}

#[test]
fn the_compose_file_names_postgres_redis_and_one_image_of_ours() {
    let text = fs::read_to_string(root().join("docker-compose.yml")).expect("docker-compose.yml is there");
    let mut compose: Value = serde_yaml_ng::from_str(&text).expect("docker-compose.yml is YAML");
    compose.apply_merge().expect("its anchors can be merged");
    let services = compose["services"].as_mapping().expect("it has services");
    let mut images: Vec<&str> = services.values().filter_map(|service| service["image"].as_str()).collect();
    assert_eq!(images.len(), services.len(), "every service has an image");
    images.sort_unstable();
    images.dedup();
    let (others, own): (Vec<&str>, Vec<&str>) = images.iter().partition(|image| image.contains(':'));
    assert!(others.contains(&"pgvector/pgvector:pg16"), "{others:?}");
    assert!(others.iter().any(|image| image.starts_with("redis:")), "{others:?}");
    assert_eq!((others.len(), own.len()), (2, 1), "{images:?}");
    let roles: Vec<&str> = services.keys().filter_map(Value::as_str).collect();
    for role in ["gateway", "orchestrator", "worker", "migrate"] {
        assert!(roles.contains(&role), "{roles:?}");
    }
}

#[test]
fn the_makefile_has_every_promised_target() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the Makefile is there");
    let targets = ["up", "down", "test", "logs", "status", "clean", "bench", "chaos", "isolation", "fuzz", "lint"];
    for target in targets {
        assert!(makefile.lines().any(|line| line.starts_with(&format!("{target}:"))), "make {target}");
    }
}
