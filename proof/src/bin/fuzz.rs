//! The program behind `make fuzz`: libFuzzer around one target, `fuzz --target=NAME CORPUS… -max_total_time=60`.
//!
//! Without sanitizers: there is no `unsafe` in our code to find anything in; overflow checks and assertions are on. Who
//! builds it without `scripts/fuzz.sh` gets a fuzzer that sees nothing of what it covers.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use proof::fuzz::{Target, find};

/// libFuzzer passes over what begins with two dashes.
static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let named = std::env::args().find_map(|argument| argument.strip_prefix("--target=").map(str::to_owned));
    find(&named.expect("say which target: --target=NAME"))
});

fuzz_target!(|input: &[u8]| (TARGET.run)(input));
