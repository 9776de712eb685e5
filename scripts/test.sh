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
"$SCRIPTS/portal.sh"

build_begin=$EPOCHREALTIME
cargo test --workspace --no-run || fail "The tests do not compile; see the lines above."
done_step "Debug build" "done" "$build_begin"
wait "$services" || exit 1
trap - EXIT
load_env

# shellcheck disable=SC2086  # ARGS is a list of words
cargo test --workspace ${ARGS:-} || fail "A Rust test failed; see the lines above."
if has_script test; then
    npm test --prefix portal || fail "A portal test failed; see the lines above."
fi
if has_script e2e; then
    CHROMIUM_PATH=${CHROMIUM_PATH:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
    export CHROMIUM_PATH
    npm run e2e --prefix portal || fail "A browser test failed; see the lines above."
fi
done_step "All tests" "passed" "$begin"
