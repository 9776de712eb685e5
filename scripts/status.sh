#!/usr/bin/env bash
# `make status`: each part, where it listens, and how it is. Exits 1 if a part that was started is not well.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/processes.sh"
source "$SCRIPTS/http.sh"
source "$SCRIPTS/ports.sh"

row() { printf '%-16s %-22s %s\n' "$1" "$2" "$3"; }

if [[ ! -f $ENV_FILE ]]; then
    note "Nothing is set up yet; run \`make up\`."
    exit 0
fi
own_postgres=1 own_redis=1 unwell=0
if given DATABASE_URL; then own_postgres=0; fi
if given REDIS_URL; then own_redis=0; fi
load_env

# state NAME : one word and the pid; the roles are asked themselves.
state() {
    local name=$1 pid
    if ! pid=$(running_pid "$name"); then
        if [[ -f $RUN/$name.pid ]]; then
            unwell=1
            STATE="died (see .local/log/$name.log)"
        else
            STATE="stopped"
        fi
        return 0
    fi
    case $name in
    gateway | orchestrator | worker)
        http_get "$(port_of "$name")" /readyz
        if [[ $HTTP_STATUS == 200 ]]; then
            STATE="ready (pid $pid)"
        else
            unwell=1
            STATE="not ready (pid $pid): $HTTP_STATUS $HTTP_BODY"
        fi
        ;;
    *)
        if port_is_open "$(port_of "$name")"; then
            STATE="ready (pid $pid)"
        else
            unwell=1
            STATE="not answering (pid $pid)"
        fi
        ;;
    esac
}

row part address state
for name in postgres redis simulators gateway orchestrator worker; do
    if [[ $name == postgres && $own_postgres == 0 ]]; then
        row "$name" "DATABASE_URL" "not ours"
    elif [[ $name == redis && $own_redis == 0 ]]; then
        row "$name" "REDIS_URL" "not ours"
    elif [[ $name == simulators && $KONSTRUCT_SIMULATORS != 1 ]]; then
        row "$name" "-" "off: real credentials are set"
    else
        state "$name"
        row "$name" "127.0.0.1:$(port_of "$name")" "$STATE"
    fi
done
row "embedding model" "EMBEDDING_MODEL_DIR" "$([[ -f $EMBEDDING_MODEL_DIR/model.onnx ]] && echo ready || echo missing)"
exit "$unwell"
