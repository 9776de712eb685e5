#!/usr/bin/env bash
# `make isolation`: random reaches from tenant to tenant, each checked. Arguments go to the program.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$SCRIPTS/tools.sh"
"$SCRIPTS/services.sh"
cargo build --workspace || fail "The build failed; see the lines above."
load_env
exec "$TARGET/debug/isolation" "$@"
