# Starting and stopping background processes by pid file.
#
# A pid alone says little: after a crash or a reboot it may belong to somebody else. So a pid file has two lines,
# the pid and the process's start time as the kernel counts it; only a process with both is ours.
# shellcheck shell=bash

# The kernel's start time of a process: field 22 of its stat line, counted after the name in brackets.
start_time() {
    local line
    read -r line 2>/dev/null <"/proc/$1/stat" || return 1
    line=${line##*) }
    # shellcheck disable=SC2086
    set -- $line
    printf '%s' "${20}"
}

# Prints the pid of the part if it runs and is ours.
running_pid() {
    local file=$RUN/$1.pid pid started
    [[ -f $file ]] || return 1
    { read -r pid && read -r started; } <"$file" || return 1
    [[ -n $pid && $(start_time "$pid") == "$started" ]] || return 1
    [[ $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) != Z ]] || return 1
    printf '%s' "$pid"
}

write_pid_file() { printf '%s\n%s\n' "$2" "$(start_time "$2")" >"$RUN/$1.pid"; }

# start_detached NAME COMMAND… : in a session of its own, so that it outlives this shell; output to .local/log.
start_detached() {
    local name=$1
    shift
    setsid nohup "$@" </dev/null >>"$LOGS/$name.log" 2>&1 9>&- &
    write_pid_file "$name" "$!"
}

# stop_part NAME [SIGNAL] : asks, waits at most 30 s, then insists. Never by name, only the pid we wrote down.
stop_part() {
    local name=$1 signal=${2:-TERM} pid begin=$EPOCHREALTIME deadline=$((SECONDS + 30))
    if ! pid=$(running_pid "$name"); then
        rm -f "$RUN/$name.pid" "$RUN/$name.fingerprint"
        return 0
    fi
    kill -"$signal" "$pid" 2>/dev/null || true
    while running_pid "$name" >/dev/null && ((SECONDS < deadline)); do sleep 0.1; done
    if running_pid "$name" >/dev/null; then
        note "$name did not stop within 30 s and is killed."
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$RUN/$name.pid" "$RUN/$name.fingerprint"
    done_step "$name" "stopped" "$begin"
}
