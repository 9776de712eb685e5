#!/usr/bin/env bash
# Stops what `make up` and `make test` started, and nothing else. Data stays.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/processes.sh"

begin=$EPOCHREALTIME
# The roles first, so that they can finish their work while the services still answer.
for name in gateway orchestrator worker; do
    stop_part "$name" &
done
wait
stop_part simulators
"$SCRIPTS/redis.sh" down &
"$SCRIPTS/postgres.sh" down
wait
done_step "Everything" "stopped, data kept" "$begin"
