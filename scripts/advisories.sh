#!/usr/bin/env bash
# Compares both lock files with what is known of flaws: RustSec for Rust, npm's database for the portal. Needs the network.
#
# SECURITY.md says how soon what is found has to go.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PATH=$PATH:$LOCAL/tools/bin:${CARGO_HOME:-$HOME/.cargo}/bin
has cargo-deny || fail "cargo-deny is missing: \`make lint\` installs it."

failed=()
cargo deny --all-features check advisories || failed+=("Rust")
npm audit --prefix portal --omit=dev || failed+=("the portal")
((${#failed[@]} == 0)) || fail "Look at, or not asked: ${failed[*]}."
