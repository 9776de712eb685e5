#!/usr/bin/env bash
# `make up`: from a fresh checkout to a running platform that has just held a conversation.
#
# Services are fetched while the programs compile; everything that is done already is skipped.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

begin=$EPOCHREALTIME
"$SCRIPTS/tools.sh"
"$SCRIPTS/services.sh" &
services=$!
trap 'kill "$services" 2>/dev/null || true' EXIT

"$SCRIPTS/portal.sh"
build_begin=$EPOCHREALTIME
cargo build --release -p cli || fail "The release build failed; see the lines above."
done_step "Release build" "done" "$build_begin"

wait "$services" || exit 1
trap - EXIT
load_env

KONSTRUCT=$TARGET/release/konstruct
step_begin=$EPOCHREALTIME
"$KONSTRUCT" migrate || fail "The database could not be migrated; see the lines above."
done_step "Migrations" "applied" "$step_begin"

"$SCRIPTS/roles.sh"
"$SCRIPTS/seed.sh"
ready=$(seconds_since "$begin")

CHAT_PAGE=
TENANT=$(python3 -c 'import json; print(json.load(open(".local/demo.json"))["tenant_id"])')
if [[ $KONSTRUCT_SIMULATORS == 1 && $SLACK_API_URL == http://127.0.0.1:* ]]; then
    CHAT_PAGE="
  chat     ${SLACK_API_URL%api/}  a page of the simulated Slack: write to the agent as a person"
    if [[ ${WHATSAPP_GRAPH_URL:-} == http://127.0.0.1:* ]]; then
        CHAT_PAGE+="
  phone    ${WHATSAPP_GRAPH_URL%/}/?number=$DEMO_NUMBER  a customer's phone: write to the agent on WhatsApp"
    fi
    "$KONSTRUCT" chat --story --tenant "$TENANT" || fail "The conversation failed; \`make logs\` shows why."
else
    note "No conversation: Slack is the real one. Connect it with \`konstruct connect slack\` and mention the bot."
fi

SIGN_IN=$(python3 -c 'import json; print(json.load(open(".local/demo.json")).get("sign_in_link") or "")')
[[ -z $SIGN_IN ]] || SIGN_IN="
  sign in  $SIGN_IN
           works once and makes an account; afterwards sign in with it"

cat <<TEXT

Konstruct is up; it was ready after $ready.
  portal   $KONSTRUCT_PUBLIC_URL/$SIGN_IN$CHAT_PAGE
  API key  of the demo tenant: field api_key in .local/demo.json
  health   make status        logs   make logs        stop   make down
TEXT
