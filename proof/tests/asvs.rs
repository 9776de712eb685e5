//! Every requirement of OWASP ASVS at levels 1 and 2 is answered by evidence that is there, or by a reason, and the page says which.

use proof::asvs::{page, page_path};

#[test]
fn the_page_of_asvs_is_current_and_every_requirement_has_evidence_or_a_reason() {
    let (page, faults) = page().unwrap();
    assert_eq!(faults, [""; 0]);
    let there = std::fs::read_to_string(page_path()).unwrap();
    assert!(there == page, "proof/ASVS.md is out of date. Renew it: cargo run -p proof --bin asvs");
}
