#!/usr/bin/env bash
# Stops everything and removes this checkout's data and downloads; KEEP_DOWNLOADS=1 keeps what was downloaded.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KEEP=(pg/server pg/tools pg/installed redis/unpacked redis/installed model onnxruntime tools)

remove() {
    local path size
    for path in "$@"; do
        [[ -e $path || -L $path ]] || continue
        size=$(du -sh "$path" 2>/dev/null | cut -f1)
        rm -rf "$path"
        note "removed $path (${size:-0})"
    done
}

# What an entry of .local holds, apart from what is kept.
remove_but_kept() {
    local entry kept inner
    for entry in "$1"/*; do
        kept=0
        for inner in "${KEEP[@]}"; do
            if [[ $entry == "$LOCAL/$inner" ]]; then kept=1; fi
            if [[ $inner == "${entry#"$LOCAL"/}"/* && -d $entry ]]; then kept=2; fi
        done
        case $kept in
        0) remove "$entry" ;;
        2) remove_but_kept "$entry" ;;
        esac
    done
}

"$SCRIPTS/down.sh"
if [[ ${KEEP_DOWNLOADS:-0} == 1 ]]; then
    remove_but_kept "$LOCAL"
else
    # Where PostgreSQL could not run inside the checkout, .local/pg is a link to its folder.
    if [[ -L $PG_LINK ]]; then remove "$(readlink -f "$PG_LINK")"; fi
    remove "$LOCAL"
fi
