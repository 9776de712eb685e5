#!/usr/bin/env bash
# rustc as `make fuzz` calls it (RUSTC_WORKSPACE_WRAPPER): our own crates count what runs in them, which is how libFuzzer
# learns; libraries stay as they are built already.
#
# These are flags of the stable compiler. Sanitizers are not, and our code holds no `unsafe` for them to watch.
set -euo pipefail

rustc=$1
shift
case " $* " in
    *" --crate-name build_script_build "* | *" --crate-type proc-macro "* | *" --print "* | *" -vV "*) exec "$rustc" "$@" ;;
esac
exec "$rustc" "$@" \
    -C opt-level=2 -C debug-assertions=on -C overflow-checks=on \
    -C passes=sancov-module \
    -C llvm-args=-sanitizer-coverage-level=4 \
    -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
    -C llvm-args=-sanitizer-coverage-pc-table \
    -C llvm-args=-sanitizer-coverage-trace-compares
