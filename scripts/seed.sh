#!/usr/bin/env bash
# Makes one demo tenant with one agent, once for each database; with the simulators also its Slack workspace and its
# WhatsApp number.
#
# .local/demo.json keeps the tenant's id, its API key and a link to sign in. Each later step is noted, so that a failed run continues.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
load_env

KONSTRUCT=$TARGET/release/konstruct
DEMO=$LOCAL/demo.json
DONE=$LOCAL/demo.done
DEMO_MAIL=admin@demo.example
INSTRUCTIONS="You are Kona, a friendly AI employee of the company Demo. Answer briefly and in the language of the \
question. Use what you remember about people. When you are not sure, say so and hand over to a person."

once() {
    local step=$1
    shift
    if grep -qsx "$step" "$DONE"; then return 0; fi
    "$@" || fail "The demo could not be prepared: \`konstruct ${*:2:2}\` failed; see the lines above."
    echo "$step" >>"$DONE"
}

create_tenant() {
    local created
    created=$("$KONSTRUCT" tenant create --name demo --admin "$DEMO_MAIL" --json) || return 1
    (umask 077 && printf '%s\n' "$created" >"$DEMO.new")
    mv "$DEMO.new" "$DEMO"
    rm -f "$DONE"
}

field() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$DEMO" "$1"; }

begin=$EPOCHREALTIME
[[ -f $DEMO ]] || create_tenant || fail "The demo tenant could not be created; see the lines above."
TENANT=$(field tenant_id)
once agent "$KONSTRUCT" tenant agent --tenant "$TENANT" --name Kona --instructions "$INSTRUCTIONS" >/dev/null
if [[ $KONSTRUCT_SIMULATORS == 1 && $SLACK_API_URL == http://127.0.0.1:* ]]; then
    once slack "$KONSTRUCT" connect slack --tenant "$TENANT" --bot-token xoxb-simulated-demo >/dev/null
fi
if [[ $KONSTRUCT_SIMULATORS == 1 && ${WHATSAPP_GRAPH_URL:-} == http://127.0.0.1:* ]]; then
    once whatsapp "$KONSTRUCT" connect whatsapp --tenant "$TENANT" --phone-number-id "$DEMO_NUMBER" \
        --access-token EAAsimulateddemo >/dev/null
fi
done_step "Demo tenant $TENANT" "ready" "$begin"
