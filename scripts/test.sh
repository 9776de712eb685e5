#!/usr/bin/env bash
# `make test`: every test, on a real PostgreSQL, Redis and embedding model. ARGS go to `cargo test`.
#
# Uses the debug profile, so it needs no release build. The services stay up afterwards; `make down` stops them.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

has_script() { grep -qsE "^ *\"$1\" *:" portal/package.json; }

begin=$EPOCHREALTIME
"$SCRIPTS/tools.sh" browser
"$SCRIPTS/services.sh" &
services=$!
trap 'kill "$services" 2>/dev/null || true' EXIT
"$SCRIPTS/peers.sh" slack
"$SCRIPTS/peers.sh" whatsapp
"$SCRIPTS/peers.sh" stripe
"$SCRIPTS/peers.sh" s3
"$SCRIPTS/peers.sh" litellm
"$SCRIPTS/peers.sh" mcp
"$SCRIPTS/peers.sh" api
"$SCRIPTS/peers.sh" sdk
"$SCRIPTS/portal.sh"

build_begin=$EPOCHREALTIME
cargo test --workspace --no-run || fail "The tests do not compile; see the lines above."
done_step "Debug build" "done" "$build_begin"
wait "$services" || exit 1
trap - EXIT
load_env

# A commit passes or fails, whenever it is tried. Other texts and orders of steps are for `make fuzz`.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}
# All of them, so that one run shows everything there is to mend.
# shellcheck disable=SC2086  # ARGS is a list of words
cargo test --workspace --no-fail-fast ${ARGS:-} || fail "A Rust test failed; see the lines above."
# Processes that die, hang and come back run against the machine's clock: a machine that stops for a moment gets a second
# chance, a fault of ours fails twice. `cargo test` above has built the program they start.
in_real_time() {
    # shellcheck disable=SC2086
    cargo test --workspace --test "$1" ${ARGS:-} && return 0
    note "The suite \`$1\` failed; it is tried once more, in case the machine was to blame."
    # shellcheck disable=SC2086
    cargo test --workspace --test "$1" ${ARGS:-} || fail "The suite \`$1\` failed twice; see the lines above."
}
in_real_time faults
in_real_time chaos
if has_script test; then
    npm test --prefix portal || fail "A portal test failed; see the lines above."
fi
if has_script e2e; then
    CHROMIUM_PATH=${CHROMIUM_PATH:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
    export CHROMIUM_PATH
    npm run e2e --prefix portal || fail "A browser test failed; see the lines above."
fi
done_step "All tests" "passed" "$begin"
