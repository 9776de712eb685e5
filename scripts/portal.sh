#!/usr/bin/env bash
# Builds the portal, which the gateway embeds; packages are installed again only when the lock file changed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ -f portal/package.json ]] || exit 0

begin=$EPOCHREALTIME
stamp=portal/node_modules/.konstruct-installed
if ! stamped "$stamp" "$(file_hash portal/package-lock.json)"; then
    note "Installing the portal's packages …"
    npm ci --prefix portal --no-audit --no-fund || fail "npm ci failed in portal/; see the lines above."
    mkdir -p portal/node_modules
    file_hash portal/package-lock.json >"$stamp"
fi

# Everything the build reads; a file that was removed changes the hash, too.
sources() {
    find portal -type d \( -name node_modules -o -name dist -o -name test-results \) -prune -o -type f -print0 |
        sort -z | xargs -0 sha256sum
}
wanted=$( (sources && cat gateway/openapi.json 2>/dev/null || true) | sha256sum)
if [[ ! -d portal/dist ]] || ! stamped "$LOCAL/portal.built" "$wanted"; then
    npm run build --prefix portal || fail "The portal does not build; see the lines above."
    echo "$wanted" >"$LOCAL/portal.built"
fi
done_step "Portal" "built" "$begin"
