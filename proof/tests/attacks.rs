//! The table of attack cases says what the tests say, and no case that must be tried is without a test or a reason.

use proof::attacks::{table, table_path};

#[test]
fn the_table_of_attacks_is_current_and_complete() {
    let (page, faults) = table().unwrap();
    assert_eq!(faults, [""; 0]);
    let there = std::fs::read_to_string(table_path()).unwrap();
    assert!(there == page, "proof/ATTACKS.md is out of date. Renew it: cargo run -p proof --bin attacks");
}
