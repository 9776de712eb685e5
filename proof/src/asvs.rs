//! How we stand to each requirement of OWASP ASVS 5.0.0 at levels 1 and 2: `proof/ASVS.md`, made from `asvs.toml`.
//!
//! A row is met by tests of the workspace and by words that stand in files of it; or it says why it does not apply, or what
//! is missing. Evidence that is not there, a requirement without a row and one with two are faults.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use regex::Regex;
use serde::Deserialize;

use crate::{attacks, contract};

const ROWS: &str = include_str!("../asvs.toml");
/// How many requirements the standard has at level 1, and how many level 2 adds.
const REQUIREMENTS: [usize; 2] = [70, 183];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Standard {
    /// The standard's own ids: what has to be answered.
    level_1: Vec<String>,
    level_2: Vec<String>,
    chapter: Vec<Chapter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chapter {
    id: String,
    about: String,
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    level: u8,
    about: String,
    #[serde(default)]
    tests: Vec<String>,
    /// Files, each with words in it that hold the requirement.
    #[serde(default, rename = "where")]
    places: BTreeMap<String, String>,
    /// What the evidence comes to, where it does not say so itself.
    rule: Option<String>,
    not_applicable: Option<String>,
    not_met: Option<String>,
}

/// What evidence may name.
struct Workspace {
    root: PathBuf,
    /// Test → its file.
    tests: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    met: usize,
    not_applicable: usize,
    not_met: usize,
}

pub fn page_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ASVS.md")
}

const HEAD: &str = "# OWASP ASVS 5.0.0, levels 1 and 2: requirement, evidence

Made by `cargo run -p proof --bin asvs` from `asvs.toml`. A test fails when this page is out of date, when a requirement has no row or
two, when a row has neither evidence nor a reason, and when a test, a file or the quoted words in it are not there. The tests run in
`make test`.

The requirements are in our own short words; the ids are those of the
[standard](https://github.com/OWASP/ASVS/tree/v5.0.0_release), whose text is what counts. This is our own judgement of our own code, made by
reading it; nobody else has audited it. *Not met* says what stands all the same, and what would do it.
";

/// The page, and what is wrong with the list.
pub fn page() -> anyhow::Result<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in the workspace")?;
    made(ROWS, &Workspace { root: root.to_owned(), tests: tests(root)? })
}

/// Every test of the workspace by its name, those of the portal included, with its file.
fn tests(root: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let test = Regex::new(r"(?m)^\s*(?:test|it)\('([^'\n]+)'")?;
    let mut found = contract::tests(root)?;
    for path in attacks::files(&root.join("portal/src"), &[".test.ts", ".test.tsx"])? {
        let place = path.strip_prefix(root)?.display().to_string();
        for name in test.captures_iter(&fs::read_to_string(&path)?) {
            found.insert(name[1].to_owned(), place.clone());
        }
    }
    Ok(found)
}

fn made(text: &str, workspace: &Workspace) -> anyhow::Result<(String, Vec<String>)> {
    let standard: Standard = toml::from_str(text).context("asvs.toml is not as expected")?;
    let mut faults = unanswered(&standard);
    let mut body = String::new();
    for chapter in &standard.chapter {
        write!(body, "\n## {} {}\n\n", chapter.id, chapter.about)?;
        body.push_str("| id | level | requirement | how it stands |\n|---|---|---|---|\n");
        for row in &chapter.row {
            if !row.id.starts_with(&format!("{}.", chapter.id)) {
                faults.push(format!("{} is no requirement of {}", row.id, chapter.id));
            }
            let shown = shown(row, workspace, &mut faults);
            writeln!(body, "| {} | {} | {} | {} |", row.id, row.level, row.about, shown.replace('|', "\\|"))?;
        }
    }
    Ok((format!("{HEAD}{}{body}", summary(&standard)?), faults))
}

/// Requirements without a row, with two, or of another level; and rows without a requirement.
fn unanswered(standard: &Standard) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expected: BTreeMap<&str, u8> = BTreeMap::new();
    for (level, ids) in [(1, &standard.level_1), (2, &standard.level_2)] {
        expected.extend(ids.iter().map(|id| (id.as_str(), level)));
        let there = ids.iter().collect::<BTreeSet<_>>().len();
        let all = REQUIREMENTS[usize::from(level) - 1];
        if there != all {
            faults.push(format!("level_{level} names {there} requirements, the standard {all}"));
        }
    }
    let mut answered: BTreeMap<&str, usize> = BTreeMap::new();
    for row in standard.chapter.iter().flat_map(|chapter| &chapter.row) {
        *answered.entry(&row.id).or_default() += 1;
        match expected.get(row.id.as_str()) {
            None => faults.push(format!("{} is no requirement of level 1 or 2", row.id)),
            Some(level) if *level != row.level => faults.push(format!("{} is of level {level}", row.id)),
            Some(_) => {}
        }
    }
    for id in expected.keys() {
        match answered.get(id) {
            None => faults.push(format!("{id} has no row")),
            Some(1) => {}
            Some(rows) => faults.push(format!("{id} has {rows} rows")),
        }
    }
    faults
}

/// Verdict, reason and evidence, as they stand in the page.
fn shown(row: &Row, workspace: &Workspace, faults: &mut Vec<String>) -> String {
    let mut lines: Vec<String> = Vec::new();
    match (&row.not_applicable, &row.not_met, &row.rule) {
        (Some(reason), None, None) => lines.push(format!("not applicable: {reason}")),
        (None, Some(reason), None) => lines.push(format!("**not met**: {reason}")),
        (None, None, Some(rule)) => lines.push(format!("met: {rule}")),
        (None, None, None) => lines.push("met".to_owned()),
        _ => faults.push(format!("{} has more than one verdict", row.id)),
    }
    let reasons = [&row.not_applicable, &row.not_met, &row.rule];
    if reasons.into_iter().flatten().any(|reason| reason.trim().is_empty()) {
        faults.push(format!("{} has an empty reason", row.id));
    }
    let met = row.not_applicable.is_none() && row.not_met.is_none();
    if met && row.tests.is_empty() && row.places.is_empty() {
        faults.push(format!("{} has neither evidence nor a reason", row.id));
    }
    for test in &row.tests {
        match workspace.tests.get(test) {
            Some(place) => lines.push(format!("`{test}` in `{place}`")),
            None => faults.push(format!("{}: there is no test {test}", row.id)),
        }
    }
    for (place, words) in &row.places {
        match fs::read_to_string(workspace.root.join(place)) {
            Ok(text) if !words.is_empty() && text.contains(words) => lines.push(format!("`{words}` in `{place}`")),
            Ok(_) => faults.push(format!("{}: {place} does not say {words}", row.id)),
            Err(_) => faults.push(format!("{}: there is no file {place}", row.id)),
        }
    }
    lines.join("<br>")
}

impl Counts {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            match (&row.not_applicable, &row.not_met) {
                (Some(_), _) => counts.not_applicable += 1,
                (None, Some(_)) => counts.not_met += 1,
                (None, None) => counts.met += 1,
            }
        }
        counts
    }

    fn line(self, name: &str) -> String {
        let Self { met, not_applicable, not_met } = self;
        format!("| {name} | {met} | {not_applicable} | {not_met} | {} |\n", met + not_applicable + not_met)
    }
}

/// How many are met, by chapter and by level, and which are not.
fn summary(standard: &Standard) -> anyhow::Result<String> {
    let mut text = String::from("\n| chapter | met | not applicable | not met | all |\n|---|---|---|---|---|\n");
    for chapter in &standard.chapter {
        text.push_str(&Counts::of(chapter.row.iter()).line(&format!("{} {}", chapter.id, chapter.about)));
    }
    let rows = || standard.chapter.iter().flat_map(|chapter| &chapter.row);
    for level in [1, 2] {
        text.push_str(&Counts::of(rows().filter(|row| row.level == level)).line(&format!("of level {level}")));
    }
    text.push_str(&Counts::of(rows()).line("**all**"));
    for level in [1, 2] {
        let missing = rows().filter(|row| row.level == level && row.not_met.is_some());
        let missing: Vec<&str> = missing.map(|row| row.id.as_str()).collect();
        write!(text, "\nNot met at level {level}: {}.\n", missing.join(", "))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a list of two requirements, V1.1.1 and V1.1.2, whose rows are these.
    fn faults(rows: &str) -> Vec<String> {
        let text = format!(
            "level_1 = [\"V1.1.1\"]\nlevel_2 = [\"V1.1.2\"]\n[[chapter]]\nid = \"V1\"\nabout = \"Encoding\"\n{rows}"
        );
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        let tests = BTreeMap::from([("it_holds".to_owned(), "somewhere.rs".to_owned())]);
        let (_, faults) = made(&text, &Workspace { root, tests }).unwrap();
        // Of these there are always too few.
        faults.into_iter().filter(|fault| !fault.contains("names 1 requirements")).collect()
    }

    fn row(id: &str, level: u8, rest: &str) -> String {
        format!("[[chapter.row]]\nid = \"{id}\"\nlevel = {level}\nabout = \"x\"\n{rest}\n")
    }

    #[test]
    fn a_row_needs_evidence_that_is_there_or_a_reason() {
        let second = row("V1.1.2", 2, "not_applicable = \"there is none\"");
        let one = |rest: &str| faults(&format!("{}{second}", row("V1.1.1", 1, rest)));
        assert_eq!(one("tests = [\"it_holds\"]"), [""; 0]);
        assert_eq!(one("where = { \"Cargo.toml\" = 'name = \"proof\"' }"), [""; 0]);
        assert_eq!(one("not_met = \"somebody must write it\""), [""; 0]);
        for (rest, fault) in [
            ("", "V1.1.1 has neither evidence nor a reason"),
            ("rule = \"it is so\"", "V1.1.1 has neither evidence nor a reason"),
            ("not_met = \" \"", "V1.1.1 has an empty reason"),
            ("not_met = \"x\"\nnot_applicable = \"y\"", "V1.1.1 has more than one verdict"),
            ("tests = [\"it_does_not\"]", "V1.1.1: there is no test it_does_not"),
            ("where = { \"no/such.rs\" = \"x\" }", "V1.1.1: there is no file no/such.rs"),
            ("where = { \"Cargo.toml\" = \"no such words\" }", "V1.1.1: Cargo.toml does not say no such words"),
        ] {
            assert_eq!(one(rest), [fault], "{rest}");
        }
    }

    #[test]
    fn every_requirement_is_answered_once() {
        let holds = "tests = [\"it_holds\"]";
        let (first, second) = (row("V1.1.1", 1, holds), row("V1.1.2", 2, holds));
        assert_eq!(faults(&format!("{first}{second}")), [""; 0]);
        assert_eq!(faults(&first), ["V1.1.2 has no row"]);
        assert_eq!(faults(&format!("{first}{second}{first}")), ["V1.1.1 has 2 rows"]);
        let other = row("V1.1.3", 2, holds);
        assert_eq!(faults(&format!("{first}{second}{other}")), ["V1.1.3 is no requirement of level 1 or 2"]);
        assert_eq!(faults(&format!("{first}{}", row("V1.1.2", 1, holds))), ["V1.1.2 is of level 2"]);
    }
}
