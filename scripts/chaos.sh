#!/usr/bin/env bash
# `make chaos`: fault runs with the invariant checker, on servers of their own. Arguments go to the program.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$SCRIPTS/tools.sh"
"$SCRIPTS/services.sh"
"$SCRIPTS/portal.sh"
# The whole workspace, as `make up` builds it: the roles run as the same binary.
cargo build --release --workspace || fail "The release build failed; see the lines above."
load_env
[[ -x $TARGET/release/chaos ]] || fail "The fault runs (proof/src/bin/chaos.rs) were not built."
exec "$TARGET/release/chaos" "$@"
