//! Every row of the contracts with Slack and WhatsApp has a test that is there, and the page says which.

use proof::contract::{page, page_path};

#[test]
fn the_page_of_the_contracts_is_current_and_every_row_has_a_test() {
    let (page, faults) = page().unwrap();
    assert_eq!(faults, [""; 0]);
    let there = std::fs::read_to_string(page_path()).unwrap();
    assert!(there == page, "proof/CONTRACT.md is out of date. Renew it: cargo run -p proof --bin contract");
}
