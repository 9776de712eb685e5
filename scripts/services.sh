#!/usr/bin/env bash
# PostgreSQL, Redis and the embedding model, side by side; each does nothing that is done already.
#
# What the caller's environment brings is used instead: nothing is installed or started for it.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

declare -A JOBS=()

run() {
    "$SCRIPTS/$1.sh" &
    JOBS[$1]=$!
}

# Two runs at once (`make up` beside `make test`) take turns. Started servers do not keep the lock: they close it.
exec 9>"$LOCAL/lock"
flock -w 900 9 || fail "Another run of these scripts holds .local/lock for 15 minutes; end it first."
trap 'kill "${JOBS[@]}" 2>/dev/null || true' EXIT

"$SCRIPTS/env.sh"
if given DATABASE_URL; then note "PostgreSQL: DATABASE_URL is set, so no server of our own."; else run postgres; fi
if given REDIS_URL; then note "Redis: REDIS_URL is set, so no server of our own."; else run redis; fi
if given EMBEDDING_MODEL_DIR && given ORT_DYLIB_PATH; then
    note "Embedding model: EMBEDDING_MODEL_DIR and ORT_DYLIB_PATH are set, so nothing is downloaded."
else
    run model
fi

failed=()
for name in "${!JOBS[@]}"; do
    wait "${JOBS[$name]}" || failed+=("$name")
done
trap - EXIT
((${#failed[@]} == 0)) || fail "Not ready: ${failed[*]}; the reason is above."
