//! Every requirement of OWASP ASVS at levels 1 and 2 is answered by evidence that is there, or by a reason, and the page says which.

use proof::asvs::{page, page_path};

#[test]
fn the_page_of_asvs_is_current_and_every_requirement_has_evidence_or_a_reason() {
    let (page, faults) = page().unwrap();
    assert_eq!(faults, [""; 0]);
    let there = std::fs::read_to_string(page_path()).unwrap();
    assert!(there == page, "proof/ASVS.md is out of date. Renew it: cargo run -p proof --bin asvs");
}

/// docs/data.md sorts what is kept into levels.
#[test]
fn every_table_has_a_level_of_protection() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = std::fs::read_to_string(root.join("docs/data.md")).unwrap();
    let (_, page) = page.split_once("## Tables").unwrap();
    let (page, _) = page.split_once("Outside of the database").unwrap();
    let made = regex::Regex::new(r"(?m)^create table (?:if not exists )?(\w+)").unwrap();
    let mut tables = Vec::new();
    for file in std::fs::read_dir(root.join("migrations")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        tables.extend(made.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    assert!(tables.len() > 80, "the tables are found at all: {}", tables.len());
    let unsorted: Vec<&String> = tables.iter().filter(|table| !page.contains(&format!("`{table}`"))).collect();
    assert!(unsorted.is_empty(), "docs/data.md names no level of {unsorted:?}");
}
