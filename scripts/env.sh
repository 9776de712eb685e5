#!/usr/bin/env bash
# Writes .local/env: what the processes of this checkout need to find each other. Secrets are made once and kept.
#
# One KEY=VALUE a line, no quotes. The caller's environment always wins over it, also inside `konstruct`, which
# reads this file for what is unset. Ports follow KONSTRUCT_PORT_OFFSET, which is kept from the last run.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

kept() { [[ -n $(stored "$1") ]] && stored "$1"; }

# The password inside a kept database address, or a new one. Hex, so it needs no escaping anywhere.
password_of() {
    local address
    address=$(stored "$1")
    if [[ $address =~ ://[^:]+:([0-9a-f]+)@ ]]; then printf '%s' "${BASH_REMATCH[1]}"; else random_hex 24; fi
}

database_url() { printf 'postgres://%s:%s@127.0.0.1:%d/konstruct' "$2" "$(password_of "$1")" "$(port 54320)"; }

# A simulator's lines are left out as soon as the caller brings real credentials of that provider, so that a real
# key never meets a simulated address.
any_given() {
    local name
    for name in "$@"; do
        if given "$name"; then return 0; fi
    done
    return 1
}

services() {
    echo "DATABASE_URL=$(database_url DATABASE_URL konstruct_app)"
    echo "DATABASE_OWNER_URL=$(database_url DATABASE_OWNER_URL konstruct_owner)"
    echo "DATABASE_SYSTEM_URL=$(database_url DATABASE_SYSTEM_URL konstruct_system)"
    echo "REDIS_URL=redis://127.0.0.1:$(port 63790)"
    echo "ORT_DYLIB_PATH=$LOCAL/onnxruntime/libonnxruntime.so"
    echo "EMBEDDING_MODEL_DIR=$LOCAL/model"
    echo "STORAGE_URL=file://$LOCAL/storage"
}

# Keys made here begin with `dev-`, which production refuses.
platform() {
    echo "KONSTRUCT_ENV=development"
    echo "KONSTRUCT_PORT_OFFSET=$KONSTRUCT_PORT_OFFSET"
    echo "KONSTRUCT_BIND=127.0.0.1:$(port 8000)"
    echo "KONSTRUCT_PUBLIC_URL=http://127.0.0.1:$(port 8000)"
    echo "KONSTRUCT_MASTER_KEYS=$(kept KONSTRUCT_MASTER_KEYS || echo "dev-1:$(head -c 32 /dev/urandom | base64 -w 0)")"
}

simulators() {
    local used=0
    if ! any_given SLACK_SIGNING_SECRET SLACK_CLIENT_ID SLACK_CLIENT_SECRET SLACK_API_URL; then
        echo "SLACK_SIGNING_SECRET=$(kept SLACK_SIGNING_SECRET || random_hex 16)"
        echo "SLACK_CLIENT_ID=$(kept SLACK_CLIENT_ID || echo 1000000000.2000000000)"
        echo "SLACK_CLIENT_SECRET=$(kept SLACK_CLIENT_SECRET || random_hex 16)"
        echo "SLACK_API_URL=http://127.0.0.1:$(port 9100)/api/"
        used=1
    fi
    if ! any_given WHATSAPP_APP_SECRET WHATSAPP_VERIFY_TOKEN WHATSAPP_APP_ID WHATSAPP_GRAPH_URL; then
        echo "WHATSAPP_APP_SECRET=$(kept WHATSAPP_APP_SECRET || random_hex 16)"
        echo "WHATSAPP_VERIFY_TOKEN=$(kept WHATSAPP_VERIFY_TOKEN || random_hex 16)"
        echo "WHATSAPP_GRAPH_URL=http://127.0.0.1:$(port 9101)"
        used=1
    fi
    if ! any_given STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRET STRIPE_API_URL; then
        echo "STRIPE_SECRET_KEY=sk_test_simulated"
        echo "STRIPE_WEBHOOK_SECRET=whsec_$(kept STRIPE_WEBHOOK_SECRET | sed 's/^whsec_//' | grep . || random_hex 16)"
        echo "STRIPE_API_URL=http://127.0.0.1:$(port 9102)"
        echo "STRIPE_PRICE_STARTER=price_starter"
        echo "STRIPE_PRICE_PRO=price_pro"
        echo "STRIPE_PRICE_USAGE=price_answers"
        echo "STRIPE_METER_EVENT=answers"
        used=1
    fi
    if ! any_given LLM_BASE_URL LLM_API_KEY LLM_MODEL; then
        echo "LLM_BASE_URL=http://127.0.0.1:$(port 9103)/v1"
        echo "LLM_API_KEY=simulated"
        echo "LLM_MODEL=simulated-1"
        echo "LLM_FALLBACK_MODEL=simulated-2"
        # A tenant's own key may be tried against the simulated provider.
        echo "KONSTRUCT_EGRESS_ALLOW=127.0.0.1"
        echo "TRANSCRIPTION_BASE_URL=http://127.0.0.1:$(port 9103)/v1"
        echo "TRANSCRIPTION_API_KEY=simulated"
        echo "TRANSCRIPTION_MODEL=simulated-ear"
        used=1
    fi
    echo "KONSTRUCT_SIMULATORS=$used"
}

if [[ -z ${KONSTRUCT_PORT_OFFSET:-} ]]; then
    KONSTRUCT_PORT_OFFSET=$(stored KONSTRUCT_PORT_OFFSET)
    KONSTRUCT_PORT_OFFSET=${KONSTRUCT_PORT_OFFSET:-0}
fi
[[ $KONSTRUCT_PORT_OFFSET =~ ^[0-9]{1,4}$ ]] || fail "KONSTRUCT_PORT_OFFSET must be a number from 0 to 1700."
KONSTRUCT_PORT_OFFSET=$((10#$KONSTRUCT_PORT_OFFSET))
((KONSTRUCT_PORT_OFFSET <= 1700)) || fail "KONSTRUCT_PORT_OFFSET must be a number from 0 to 1700."

if given DATABASE_URL; then
    for name in DATABASE_OWNER_URL DATABASE_SYSTEM_URL; do
        given "$name" || fail "DATABASE_URL is set but $name is not; set all three to use your own PostgreSQL."
    done
fi

mkdir -p "$LOCAL/storage"
wanted=$(services && platform && simulators)
if ! stamped "$ENV_FILE" "$wanted"; then
    (umask 077 && printf '%s\n' "$wanted" >"$ENV_FILE.new")
    mv "$ENV_FILE.new" "$ENV_FILE"
    note "Addresses and generated secrets of this checkout are in .local/env."
fi
