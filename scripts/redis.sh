#!/usr/bin/env bash
# Redis for this checkout: the machine's redis-server, or Debian's packages in .local/redis. `down` stops it.
#
# Nothing here is saved to disk: Redis only wakes processes, PostgreSQL remembers. apt keeps one version per release
# and checks its signature, so there is no version or hash to pin.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/processes.sh"

HOME_OF_REDIS=$LOCAL/redis
UNPACKED=$HOME_OF_REDIS/unpacked

# Which package holds a library that the machine lacks.
package_of() {
    case $1 in
    libatomic.so.*) echo libatomic1 ;;
    libcap.so.*) echo libcap2 ;;
    libcrypto.so.* | libssl.so.*) first_known libssl3 libssl3t64 ;;
    libgcrypt.so.*) echo libgcrypt20 ;;
    libgpg-error.so.*) echo libgpg-error0 ;;
    libhiredis.so.*) first_known libhiredis0.14 libhiredis1.1.0 ;;
    libjemalloc.so.*) echo libjemalloc2 ;;
    liblua5.1-bitop.so.*) echo lua-bitop ;;
    liblua5.1-cjson.so.*) echo lua-cjson ;;
    liblua5.1.so.*) echo liblua5.1-0 ;;
    liblz4.so.*) echo liblz4-1 ;;
    liblzf.so.*) echo liblzf1 ;;
    liblzma.so.*) echo liblzma5 ;;
    libsystemd.so.*) echo libsystemd0 ;;
    libzstd.so.*) echo libzstd1 ;;
    *) fail "redis-server needs $1 and no package is known for it; install Redis yourself or set REDIS_URL." ;;
    esac
}

first_known() {
    local name
    for name in "$@"; do
        if known "$name"; then
            echo "$name"
            return 0
        fi
    done
    fail "apt knows none of: $*; install Redis yourself or set REDIS_URL."
}

known() { apt-cache policy "$1" 2>/dev/null | grep 'Candidate: ' | grep -qv '(none)'; }

update_lists() {
    is_root || fail "apt has no current package lists; run \`sudo apt-get update\`, then this again."
    note "Updating apt's package lists …"
    apt-get update -qq >"$LOGS/apt.log" 2>&1 || fail "apt-get update failed: $(tail -n 1 "$LOGS/apt.log")"
}

# Downloads packages and unpacks them; nothing is installed into the system.
unpack_packages() {
    local folder=$HOME_OF_REDIS/download archive
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && apt-get download -qq "$@" >"$LOGS/apt.log" 2>&1) || {
        update_lists
        (cd "$folder" && apt-get download -qq "$@" >"$LOGS/apt.log" 2>&1) ||
            fail "apt could not download $*: $(grep -m 1 ^E: "$LOGS/apt.log")"
    }
    for archive in "$folder"/*.deb; do
        dpkg -x "$archive" "$UNPACKED"
    done
    rm -rf "$folder"
}

library_path() {
    local folder
    for folder in "$UNPACKED"/usr/lib/*-linux-gnu "$UNPACKED"/lib/*-linux-gnu; do
        if [[ -d $folder ]]; then printf '%s:' "$folder"; fi
    done
}

missing_libraries() {
    LD_LIBRARY_PATH=$(library_path) ldd "$UNPACKED/usr/bin/redis-server" | awk '/not found/ { print $1 }' | sort -u
}

# Sets SERVER and LIBRARIES.
install_redis() {
    local begin=$EPOCHREALTIME library packages round
    LIBRARIES=''
    if has redis-server; then
        SERVER=$(command -v redis-server)
        return 0
    fi
    SERVER=$UNPACKED/usr/bin/redis-server
    if [[ ! -f $HOME_OF_REDIS/installed ]]; then
        has apt-get || fail "redis-server is missing and this is no Debian; install Redis, or set REDIS_URL."
        note "Downloading Redis …"
        rm -rf "$UNPACKED"
        mkdir -p "$UNPACKED"
        known redis-server || update_lists
        unpack_packages redis-server redis-tools
        for ((round = 0; round < 5; round++)); do
            packages=()
            for library in $(missing_libraries); do packages+=("$(package_of "$library")"); done
            ((${#packages[@]} > 0)) || break
            unpack_packages "${packages[@]}"
        done
        LD_LIBRARY_PATH=$(library_path) "$SERVER" --version >"$HOME_OF_REDIS/installed"
        done_step "Redis" "unpacked" "$begin"
    fi
    LIBRARIES=$(library_path)
}

redis_version() { LD_LIBRARY_PATH=$LIBRARIES "$SERVER" --version | sed -E 's/.*v=([0-9.]+).*/\1/'; }

answers() {
    local reply=''
    {
        exec 8<>"/dev/tcp/127.0.0.1/$1" && printf 'PING\r\n' >&8 && read -r -t 1 reply <&8
    } 2>/dev/null || true
    { exec 8>&-; } 2>/dev/null || true
    [[ $reply == +PONG* ]]
}

start_redis() {
    local begin=$EPOCHREALTIME wanted tries
    wanted=$(port 63790)
    if running_pid redis >/dev/null && ! stamped "$HOME_OF_REDIS/port" "$wanted"; then stop_part redis; fi
    if ! running_pid redis >/dev/null; then
        if port_is_open "$wanted"; then
            fail "Port $wanted is taken by another program; set KONSTRUCT_PORT_OFFSET (for example to 100)."
        fi
        mkdir -p "$HOME_OF_REDIS"
        LD_LIBRARY_PATH=$LIBRARIES start_detached redis "$SERVER" --bind 127.0.0.1 --port "$wanted" \
            --save '' --appendonly no --maxmemory 256mb --maxmemory-policy noeviction --dir "$HOME_OF_REDIS"
        echo "$wanted" >"$HOME_OF_REDIS/port"
    fi
    for ((tries = 0; tries < 200; tries++)); do
        if answers "$wanted"; then
            done_step "Redis $(redis_version)" "ready on 127.0.0.1:$wanted" "$begin"
            return 0
        fi
        running_pid redis >/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$LOGS/redis.log" >&2
    fail "Redis did not start; its last log lines are above (.local/log/redis.log)."
}

if [[ ${1:-up} == down ]]; then
    stop_part redis
    exit 0
fi
KONSTRUCT_PORT_OFFSET=$(stored KONSTRUCT_PORT_OFFSET)
install_redis
start_redis
