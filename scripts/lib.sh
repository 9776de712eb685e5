# What every script shares: where things are, how a step is printed, how an error is told, and the environment.
#
# Sourced, never run. Everything the scripts make lies in .local/ of the checkout, so removing it undoes them all.
# shellcheck shell=bash disable=SC2034  # the variables below are for the scripts that source this file

set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT"
SCRIPTS=$ROOT/scripts
LOCAL=$ROOT/.local
LOGS=$LOCAL/log
RUN=$LOCAL/run
ENV_FILE=$LOCAL/env
PG_LINK=$LOCAL/pg
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
mkdir -p "$LOCAL" "$LOGS" "$RUN"

# One sentence to the person, then the end.
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

note() { printf '    %s\n' "$*"; }

# Seconds since the first argument (an $EPOCHREALTIME), with one decimal.
seconds_since() {
    local tenths=$(((${EPOCHREALTIME/./} - ${1/./}) / 100000))
    printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# Prints "==> NAME … RESULT (2.3 s)" in one line, so that steps running side by side do not cut each other.
done_step() { printf '==> %s … %s (%s)\n' "$1" "$2" "$(seconds_since "$3")"; }

has() { command -v "$1" >/dev/null 2>&1; }

is_root() { [[ $(id -u) == 0 ]]; }

# The phone number id of the demo tenant's simulated WhatsApp number.
readonly DEMO_NUMBER=132392326719771

# A port of ours: the usual one plus this checkout's offset.
port() { printf '%d' $(($1 + ${KONSTRUCT_PORT_OFFSET:-0})); }

# One value of .local/env, whatever the caller's environment says.
stored() {
    local line
    [[ -f $ENV_FILE ]] || return 0
    while IFS= read -r line; do
        if [[ $line == "$1="* ]]; then printf '%s' "${line#*=}"; fi
    done <"$ENV_FILE"
}

# True if the caller's own environment sets the variable to something else than .local/env does.
# (Somebody who exported .local/env into the shell still means the embedded services.)
given() {
    [[ -v $1 && ${!1} != "$(stored "$1")" ]]
}

# Exports .local/env; what the caller's environment already has wins.
load_env() {
    local line
    [[ -f $ENV_FILE ]] || fail "$ENV_FILE is missing; run \`make up\` or \`make test\` once."
    while IFS= read -r line; do
        if [[ $line == *=* && ! -v ${line%%=*} ]]; then export "${line%%=*}=${line#*=}"; fi
    done <"$ENV_FILE"
}

# True if the stamp file holds exactly this text: the step was done with these versions.
stamped() { [[ -f $1 && $(<"$1") == "$2" ]]; }

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }

file_hash() { sha256sum "$1" | cut -d' ' -f1; }

port_is_open() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
