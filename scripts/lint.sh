#!/usr/bin/env bash
# `make lint`: format, lints, dependency rules and structure; the cheapest check first.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/versions.sh"

PATH=$PATH:$LOCAL/tools/bin:${CARGO_HOME:-$HOME/.cargo}/bin

install_cargo_deny() {
    local begin=$EPOCHREALTIME
    if has cargo-deny; then return 0; fi
    note "Building cargo-deny $CARGO_DENY_VERSION into .local/tools; this takes some minutes, once."
    cargo install --locked --quiet --root "$LOCAL/tools" --version "$CARGO_DENY_VERSION" cargo-deny ||
        fail "cargo-deny does not build; see the lines above."
    done_step "cargo-deny $CARGO_DENY_VERSION" "installed" "$begin"
}

# check NAME COMMAND… : runs all of them, so that one run shows everything there is to mend.
failed=()
check() {
    local name=$1 begin=$EPOCHREALTIME
    shift
    if "$@"; then
        done_step "$name" "clean" "$begin"
    else
        failed+=("$name")
    fi
}

# Longer ones are read by nobody; made types are not read.
portal_files_fit() {
    local long
    long=$(find portal/src portal/e2e -name '*.ts*' ! -name schema.ts -o -path portal/e2e/\* -name '*.mjs' |
        xargs wc -l | awk '$1 > 250 && $2 != "total" { print "    " $2 ": " $1 " lines; split it by idea at 250" }')
    if [[ -n $long ]]; then printf '%s\n' "$long"; return 1; fi
}

"$SCRIPTS/tools.sh" lint
# The gateway embeds the portal, so it must be there before anything of the gateway compiles.
"$SCRIPTS/portal.sh"
check "Format" cargo fmt --all --check
# The two suites that `make test` runs by name are in no default set of targets.
check "Lints" cargo clippy --workspace --all-targets --test faults --test chaos -- -D warnings
install_cargo_deny
check "Dependency rules" cargo deny --log-level error check bans licenses sources
# With the whole workspace: `-p proof` alone would build the dependencies again with other features.
check "Files of the portal" portal_files_fit
check "Structure" cargo test --workspace --test tidy
((${#failed[@]} == 0)) || fail "Not clean: ${failed[*]}."
