#!/usr/bin/env bash
# `make fuzz SECONDS=60 TARGET=mrkdwn`: each fuzz target (or the one named) for that long, beginning with its corpus.
#
# Coverage-guided by libFuzzer, on the stable compiler: cargo builds everything needed, given a C++ compiler. What is found
# lies in .local/fuzz/TARGET as crash-…; mend it, then add it to proof/fuzz/corpus/TARGET: `make test` replays that.
# Property tests of texts are tried with more cases and a seed of their own, PROPTEST_CASES=5000 of them.
# MERGE=1 adds to the corpora what covers more than they do.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

seconds=${1:-60}
wanted=${2:-}
# A name of its own: bash counts in SECONDS.
[[ $seconds =~ ^[0-9]+$ ]] || fail "SECONDS must be a number; it is \`$seconds\`."
has c++ || fail "libFuzzer is C++ and there is no compiler for it: install g++ (or clang) and try again."
"$SCRIPTS/portal.sh"

begin=$EPOCHREALTIME
# With the whole workspace, so that libraries need not be built again with other features.
RUSTC_WORKSPACE_WRAPPER=$SCRIPTS/instrument.sh \
    cargo build --workspace --bin fuzz --features proof/libfuzzer --target-dir "$TARGET" ||
    fail "The fuzz targets do not compile; see the lines above."
done_step "Fuzz targets" "built" "$begin"

found=()
for corpus in proof/fuzz/corpus/*/; do
    name=$(basename "$corpus")
    [[ -z $wanted || $wanted == "$name" ]] || continue
    begin=$EPOCHREALTIME
    work=$LOCAL/fuzz/$name
    mkdir -p "$work/seen"
    # What is new goes to the first folder; the committed one is only read.
    if "$TARGET/debug/fuzz" "--target=$name" "$work/seen" "$corpus" "-artifact_prefix=$work/" -close_fd_mask=1 \
        "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        >"$work/log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")
        done_step "$name" "${runs:-0} inputs, nothing found" "$begin"
    else
        tail -n 40 "$work/log" >&2
        done_step "$name" "BROKEN: see .local/fuzz/$name" "$begin"
        found+=("$name")
    fi
    if [[ ${MERGE:-} == 1 ]]; then
        "$TARGET/debug/fuzz" "--target=$name" -merge=1 -max_len=2048 "$corpus" "$work/seen" >>"$work/log" 2>&1
    fi
done
if [[ -z $wanted || $wanted == properties ]]; then
    begin=$EPOCHREALTIME
    if PROPTEST_CASES=${PROPTEST_CASES:-5000} cargo test --package shared --lib -- properties; then
        done_step "properties" "nothing found" "$begin"
    else
        found+=(properties)
    fi
fi
((${#found[@]} == 0)) || fail "Found something: ${found[*]}."
