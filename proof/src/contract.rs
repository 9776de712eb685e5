//! Which row of the platforms' contracts is held by which test: `proof/CONTRACT.md`, made from `contract.toml`.
//!
//! A row names tests of the workspace, and payloads among the golden ones whose form a snapshot shows. A row without a test,
//! and a test or payload that is not there, are faults.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::attacks::sources;

const ROWS: &str = include_str!("../contract.toml");
const WHATSAPP_PAYLOADS: &str = "gateway/src/webhooks/golden/whatsapp.json";
const SLACK_PAYLOADS: &str = "gateway/tests/golden/slack";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    section: Vec<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    id: String,
    about: String,
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    about: String,
    tests: Vec<String>,
    #[serde(default)]
    payloads: Vec<String>,
    /// What of it can't be tried here, or is left out on purpose.
    #[serde(default)]
    beyond: Option<String>,
}

pub fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("CONTRACT.md")
}

const HEAD: &str = "# The platforms' contracts: row, test

Made by `cargo run -p proof --bin contract` from `contract.toml`; a test fails when it is out of date, when a row has no test, and when
a test or payload that a row names is not there. The tests run in `make test`. *Payloads* are those of the golden tests
(`gateway/tests/golden/slack`, `gateway/src/webhooks/golden`), whose normalized form a snapshot shows.
";

/// The page, and what is wrong with the list.
pub fn page() -> anyhow::Result<(String, Vec<String>)> {
    let contract: Contract = toml::from_str(ROWS).context("contract.toml is not as expected")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in the workspace")?;
    let (tests, payloads) = (tests(root)?, payloads(root)?);
    let (mut page, mut faults) = (String::from(HEAD), Vec::new());
    for section in &contract.section {
        write!(page, "\n## {} {}\n\n| row | tests |\n|---|---|\n", section.id, section.about)?;
        for row in &section.row {
            let name = format!("{} ({})", section.id, row.about);
            if row.tests.is_empty() {
                faults.push(format!("{name} has no test"));
            }
            let mut shown: Vec<String> = Vec::new();
            for test in &row.tests {
                match tests.get(test) {
                    Some(place) => shown.push(format!("`{test}` in `{place}`")),
                    None => faults.push(format!("{name}: there is no test {test}")),
                }
            }
            let unknown = row.payloads.iter().filter(|payload| !payloads.contains(*payload));
            faults.extend(unknown.map(|payload| format!("{name}: there is no payload {payload}")));
            if !row.payloads.is_empty() {
                shown.push(format!("payloads: {}", row.payloads.join(", ")));
            }
            let beyond = row.beyond.as_ref().map_or_else(String::new, |beyond| format!(" *({beyond})*"));
            writeln!(page, "| {}{beyond} | {} |", row.about, shown.join("<br>"))?;
        }
    }
    Ok((page, faults))
}

/// Every test of the workspace by its name, with its file.
pub(crate) fn tests(root: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let test = Regex::new(r"#\[(?:tokio::)?test[^\n]*\]\s*(?:#\[[^\n]*\]\s*)*(?:pub )?(?:async )?fn (\w+)")?;
    let mut found = BTreeMap::new();
    for path in sources(root)? {
        let place = path.strip_prefix(root)?.display().to_string();
        for name in test.captures_iter(&fs::read_to_string(&path)?) {
            found.insert(name[1].to_owned(), place.clone());
        }
    }
    Ok(found)
}

fn payloads(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let cases: Vec<Value> = serde_json::from_str(&fs::read_to_string(root.join(WHATSAPP_PAYLOADS))?)?;
    let mut found: BTreeSet<String> =
        cases.iter().filter_map(|case| case["name"].as_str().map(str::to_owned)).collect();
    for entry in fs::read_dir(root.join(SLACK_PAYLOADS))? {
        found.extend(entry?.path().file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    Ok(found)
}
