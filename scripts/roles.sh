#!/usr/bin/env bash
# Starts every role of the platform as a process of its own and waits until each says it is ready.
#
# A role that already runs is left alone, unless its program or its environment changed: then it is restarted.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/processes.sh"
source "$SCRIPTS/http.sh"
source "$SCRIPTS/ports.sh"
load_env

KONSTRUCT=$TARGET/release/konstruct
READY_SECONDS_MAX=60
ROLES=(gateway orchestrator worker)
if [[ $KONSTRUCT_SIMULATORS == 1 ]]; then ROLES=(simulators "${ROLES[@]}"); fi

# What a running role was started with. Only its hash is kept: the environment holds secrets.
fingerprint() {
    local ours='KONSTRUCT|DATABASE|REDIS|STORAGE|EMBEDDING|ORT|LLM'
    ours+='|SLACK|WHATSAPP|STRIPE|SMTP|EMAIL|OIDC|AUDIT|OTEL|RUST'
    { stat -c '%Y %s' "$KONSTRUCT" && env | grep -E "^($ours)_" | sort; } | sha256sum | cut -d' ' -f1
}

start_role() {
    if port_is_open "$(port_of "$1")"; then
        fail "Port $(port_of "$1") is taken by another program; set KONSTRUCT_PORT_OFFSET (for example to 100)."
    fi
    LOG_FORMAT=${LOG_FORMAT:-json} start_detached "$1" "$KONSTRUCT" "$1"
    echo "$WANTED" >"$RUN/$1.fingerprint"
}

# The simulators have no /readyz: an open port is all there is to ask for.
is_ready() {
    if [[ $1 == simulators ]]; then
        port_is_open "$(port_of simulators)"
    else
        http_get "$(port_of "$1")" /readyz
        [[ $HTTP_STATUS == 200 ]]
    fi
}

explain() {
    local name=$1 pid
    if pid=$(running_pid "$name"); then
        printf 'error: %s (pid %s) is not ready: %s %s\n' "$name" "$pid" "$HTTP_STATUS" "$HTTP_BODY" >&2
    else
        printf 'error: %s stopped.\n' "$name" >&2
    fi
    printf -- '--- the last lines of .local/log/%s.log\n' "$name" >&2
    tail -n 20 "$LOGS/$name.log" >&2
}

wait_until_ready() {
    local name=$1 begin=$EPOCHREALTIME deadline=$((SECONDS + READY_SECONDS_MAX))
    until is_ready "$name"; do
        if ! running_pid "$name" >/dev/null || ((SECONDS >= deadline)); then
            explain "$name"
            return 1
        fi
        sleep 0.2
    done
    done_step "$name" "ready on 127.0.0.1:$(port_of "$name")" "$begin"
}

WANTED=$(fingerprint)
for name in simulators gateway orchestrator worker; do
    # Restarted, or (the simulators, with real credentials) not wanted any more.
    if [[ " ${ROLES[*]} " != *" $name "* ]] || ! stamped "$RUN/$name.fingerprint" "$WANTED"; then
        stop_part "$name" &
    fi
done
wait
for name in "${ROLES[@]}"; do
    running_pid "$name" >/dev/null || start_role "$name"
done

failed=()
for name in "${ROLES[@]}"; do
    wait_until_ready "$name" || failed+=("$name")
done
((${#failed[@]} == 0)) || fail "Not ready: ${failed[*]}. The parts that run stay up; \`make down\` stops them."
