#!/usr/bin/env bash
# Other people's programs, into .local/peers: Python and JavaScript packages by their lock files in proof/peers.
#
# `peers.sh` installs what `bench peers`, `bench embedding` and `bench startup` are held against; without it they run all the
# same, and say what they lack. `peers.sh slack`, `peers.sh whatsapp` and `peers.sh stripe` install what the tests let speak to
# our Slack, WhatsApp and Stripe; `peers.sh s3` a bucket that our storage is
# tried against, `peers.sh litellm` a gateway to models and `peers.sh mcp` a tool server for our clients; `peers.sh api` and
# `peers.sh sdk` what tries our API, and what makes clients of it.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/downloads.sh"

PEERS=$LOCAL/peers
SOURCES=$ROOT/proof/peers

# install_python FOLDER WHAT [FLAG…] : the packages of proof/peers/FOLDER.
install_python() {
    local begin=$EPOCHREALTIME wanted folder=$PEERS/$1 list=proof/peers/$1/requirements.txt
    wanted=$(file_hash "$ROOT/$list")
    if stamped "$folder/installed" "$wanted"; then return 0; fi
    note "Downloading the Python peers: $2 …"
    rm -rf "$folder" "$folder.new"
    run_pip install -q --require-hashes --no-deps --only-binary=:all: --no-warn-script-location \
        "${@:3}" --target "$folder.new" -r "$ROOT/$list" ||
        fail "pip could not install the peers ($list); see the lines above."
    mv "$folder.new" "$folder"
    echo "$wanted" >"$folder/installed"
    done_step "Python peers" "installed" "$begin"
}

# install_node FOLDER WHAT : the packages of proof/peers/FOLDER.
install_node() {
    local begin=$EPOCHREALTIME wanted folder=$PEERS/$1 sources=$SOURCES/$1
    wanted=$(file_hash "$sources/package-lock.json")
    if stamped "$folder/installed" "$wanted"; then return 0; fi
    note "Downloading the JavaScript peers: $2 …"
    rm -rf "$folder" "$folder.new"
    mkdir -p "$folder.new"
    cp "$sources/package.json" "$sources/package-lock.json" "$folder.new/"
    (cd "$folder.new" && npm ci --ignore-scripts --no-audit --no-fund --silent) ||
        fail "npm could not install the peers (proof/peers/$1/package-lock.json); see the lines above."
    mv "$folder.new" "$folder"
    echo "$wanted" >"$folder/installed"
    done_step "JavaScript peers" "installed" "$begin"
}

mkdir -p "$PEERS"
case ${1:-bench} in
whatsapp) install_python whatsapp "pywa (1 MB)" ;;
s3) install_python s3 "moto, a bucket (40 MB)" ;;
mcp) install_python mcp "the Model Context Protocol's own library (20 MB)" ;;
litellm) install_python litellm "LiteLLM, a gateway to models (80 MB)" ;;
api) install_python api "Schemathesis, Standard Webhooks (60 MB)" ;;
sdk) install_python sdk "makers of clients, with Java and Go (300 MB)" ;;
slack) install_node slack "Slack's client and emulate (23 MB)" ;;
stripe) install_node stripe "Stripe's client (7 MB)" ;;
bench)
    install_python python "FastAPI, Celery, Bolt, the ONNX runtime (60 MB)" &
    python_job=$!
    install_node javascript "Bolt (22 MB)"
    wait "$python_job"
    ;;
*) fail "peers.sh installs \`slack\`, \`whatsapp\`, \`stripe\`, \`s3\`, \`litellm\`, \`mcp\`, \`api\`, \`sdk\` or \`bench\`, not \`$1\`." ;;
esac
