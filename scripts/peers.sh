#!/usr/bin/env bash
# What `bench peers`, `bench embedding` and `bench startup` are held against, into .local/peers: Python and JavaScript
# packages by their lock files in proof/peers.
#
# Only the benchmarks need them; without them they run all the same, and say what they lack.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/downloads.sh"

PEERS=$LOCAL/peers
SOURCES=$ROOT/proof/peers

install_python() {
    local begin=$EPOCHREALTIME wanted folder=$PEERS/python
    wanted=$(file_hash "$SOURCES/python/requirements.txt")
    if stamped "$folder/installed" "$wanted"; then return 0; fi
    note "Downloading the Python peers: FastAPI, Celery, Bolt, the ONNX runtime (60 MB) …"
    rm -rf "$folder" "$folder.new"
    run_pip install -q --require-hashes --no-deps --only-binary=:all: --no-warn-script-location \
        --target "$folder.new" -r "$SOURCES/python/requirements.txt" ||
        fail "pip could not install the peers (proof/peers/python/requirements.txt); see the lines above."
    mv "$folder.new" "$folder"
    echo "$wanted" >"$folder/installed"
    done_step "Python peers" "installed" "$begin"
}

install_javascript() {
    local begin=$EPOCHREALTIME wanted folder=$PEERS/javascript
    wanted=$(file_hash "$SOURCES/javascript/package-lock.json")
    if stamped "$folder/installed" "$wanted"; then return 0; fi
    note "Downloading the JavaScript peer: Bolt (22 MB) …"
    rm -rf "$folder" "$folder.new"
    mkdir -p "$folder.new"
    cp "$SOURCES/javascript/package.json" "$SOURCES/javascript/package-lock.json" "$folder.new/"
    (cd "$folder.new" && npm ci --ignore-scripts --no-audit --no-fund --silent) ||
        fail "npm could not install the peer (proof/peers/javascript/package-lock.json); see the lines above."
    mv "$folder.new" "$folder"
    echo "$wanted" >"$folder/installed"
    done_step "JavaScript peer" "installed" "$begin"
}

mkdir -p "$PEERS"
install_python &
python_job=$!
install_javascript
wait "$python_job"
