//! Which attack case is tried by which test: `proof/ATTACKS.md`, made from `attacks.toml` and the names of the tests.
//!
//! A test says its case in its name (`attack_45_…`, `attacks_201_to_206_…`, `attacks_9_and_10_…`; of the portal `attack 139: …`),
//! a planted mistake in its own (`attack 13: …`). Nothing else is kept, so nothing else can be out of date.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use regex::Regex;
use serde::Deserialize;

/// Whose every case needs a test, or a reason.
const COMPLETE: [&str; 4] = ["A", "B", "I", "J"];
const CASES: &str = include_str!("../attacks.toml");
const SKIPPED: [&str; 4] = ["target", ".git", ".local", "node_modules"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    groups: BTreeMap<String, String>,
    case: BTreeMap<String, BTreeMap<String, Case>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    planned: Option<String>,
}

/// Case → what tries it, as it is shown.
type Trials = BTreeMap<u16, Vec<String>>;

pub fn table_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ATTACKS.md")
}

/// The page, and what is wrong with the list.
pub fn table() -> anyhow::Result<(String, Vec<String>)> {
    let cases: Cases = toml::from_str(CASES).context("attacks.toml is not as expected")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the crate lies in the workspace")?;
    let known: Vec<u16> = cases
        .case
        .values()
        .flat_map(BTreeMap::keys)
        .map(|number| Ok(number.parse()?))
        .collect::<anyhow::Result<_>>()?;
    let trials = trials(root, &known)?;
    let (mut page, mut faults) = (String::from(HEAD), Vec::new());
    for (group, about) in &cases.groups {
        let listed = cases.case.get(group).with_context(|| format!("group {group} has no cases"))?;
        let mut numbered: Vec<(u16, &Case)> =
            listed.iter().map(|(number, case)| Ok((number.parse()?, case))).collect::<anyhow::Result<_>>()?;
        numbered.sort_by_key(|(number, _)| *number);
        write!(page, "\n## {group}. {about}\n\n| case | what is tried | tests | result |\n|---|---|---|---|\n")?;
        for (number, case) in numbered {
            let tests = trials.get(&number).map_or(&[][..], Vec::as_slice);
            if tests.is_empty() && case.planned.is_none() && COMPLETE.contains(&group.as_str()) {
                faults.push(format!("case {number} ({}) has neither a test nor a reason", case.about));
            }
            let result = match (&case.planned, tests.is_empty()) {
                (None, false) => "held".to_owned(),
                (Some(reason), false) => format!("held; planned: {reason}"),
                (Some(reason), true) => format!("planned: {reason}"),
                (None, true) => "no test".to_owned(),
            };
            writeln!(page, "| {number} | {} | {} | {result} |", case.about, tests.join("<br>"))?;
        }
    }
    let unknown = trials.keys().filter(|number| !known.contains(number));
    faults.extend(unknown.map(|number| format!("case {number} has a test, but no line in attacks.toml")));
    Ok((page, faults))
}

const HEAD: &str = "# Attacks: case, tests, result

Made by `cargo run -p proof --bin attacks` from `attacks.toml` and the names of the tests; a test fails when it is out of
date. *held* means that every test named beside the case passes: they run in `make test`, and this page is committed with
it green. A *planted mistake* is made on purpose by `tests/mutants.rs`, and noticed.
";

fn trials(root: &Path, known: &[u16]) -> anyhow::Result<Trials> {
    let name = Regex::new(r"fn (attacks?_(\d+(?:_(?:to|and)_\d+)*)_\w+)")?;
    let planted = Regex::new(r#""attack (\d+): ([^"]+)""#)?;
    let of_portal = Regex::new(r"\btest\('(attack (\d+): [^']+)'")?;
    let mut trials = Trials::new();
    for path in files(root, &[".test.ts", ".test.tsx", ".mjs"])? {
        let place = path.strip_prefix(root)?.display().to_string();
        for found in of_portal.captures_iter(&fs::read_to_string(&path)?) {
            trials.entry(found[2].parse()?).or_default().push(format!("`{}` in `{place}`", &found[1]));
        }
    }
    for path in sources(root)? {
        let text = fs::read_to_string(&path)?;
        let place = path.strip_prefix(root)?.display().to_string();
        for found in name.captures_iter(&text) {
            for number in numbers(&found[2], known)? {
                trials.entry(number).or_default().push(format!("`{}` in `{place}`", &found[1]));
            }
        }
        if place.starts_with("proof/src/isolation/mutants") {
            for found in planted.captures_iter(&text) {
                trials.entry(found[1].parse()?).or_default().push(format!("planted mistake: {}", &found[2]));
            }
        }
    }
    Ok(trials)
}

/// `201_to_206` and `9_and_10` as numbers; a range names every known case in it.
fn numbers(text: &str, known: &[u16]) -> anyhow::Result<Vec<u16>> {
    let mut numbers: Vec<u16> = Vec::new();
    let mut words = text.split('_');
    while let Some(word) = words.next() {
        match (word, numbers.last().copied()) {
            ("to", Some(first)) => {
                let last: u16 = words.next().context("a range ends")?.parse()?;
                numbers.extend(known.iter().filter(|number| (first + 1..=last).contains(number)));
            }
            ("and", Some(_)) => {}
            _ => numbers.push(word.parse()?),
        }
    }
    Ok(numbers)
}

pub(crate) fn sources(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    files(root, &[".rs"])
}

/// Every file of the workspace whose name ends like one of these.
pub(crate) fn files(root: &Path, endings: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && !SKIPPED.contains(&name.as_ref()) {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn names_say_one_case_several_or_a_range() {
        let known = [201, 202, 203, 205, 206, 207];
        assert_eq!(numbers("45", &known).unwrap(), [45]);
        assert_eq!(numbers("9_and_10_and_14", &known).unwrap(), [9, 10, 14]);
        assert_eq!(numbers("201_to_206", &known).unwrap(), [201, 202, 203, 205, 206]);
    }
}
