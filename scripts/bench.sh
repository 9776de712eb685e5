#!/usr/bin/env bash
# `make bench`: the benchmarks, each beside its floor measured in the same run. Arguments go to the program.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$SCRIPTS/tools.sh"
"$SCRIPTS/services.sh"
"$SCRIPTS/portal.sh"
# What some of them are held against.
names=()
for word in "$@"; do [[ $word == -* ]] || names+=("$word"); done
if ((${#names[@]} == 0)) || [[ " ${names[*]} " =~ \ (peers|startup|embedding)\  ]]; then "$SCRIPTS/peers.sh"; fi
# The whole workspace, as `make up` builds it: `-p proof` alone would build the dependencies again.
cargo build --release --workspace || fail "The release build failed; see the lines above."
load_env
[[ -x $TARGET/release/bench ]] || fail "The benchmarks (proof/src/bin/bench.rs) do not exist yet."
exec "$TARGET/release/bench" "$@"
