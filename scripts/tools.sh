#!/usr/bin/env bash
# Checks that the machine has the tools the other scripts call; each missing one is one sentence with its remedy.
#
# Only pip is brought along, because Debian's python3 comes without it: unpacked into .local/tools, not installed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PYTHON_MIN=3.11
NODE_MIN=20
PIP=$LOCAL/tools/pip
MISSING=0

missing() {
    printf 'error: %s\n' "$*" >&2
    MISSING=$((MISSING + 1))
}

as_root() { if is_root; then echo "$*"; else echo "sudo $*"; fi; }

apt() { as_root apt-get install -y "$*"; }

need() { has "$1" || missing "$1 is missing; run \`$(apt "$2")\`."; }

# at_least HAVE WANT : compares dotted versions.
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }

check_python() {
    local version
    if ! has python3; then
        missing "python3 is missing; run \`$(apt python3 python3-pip)\`."
        return 0
    fi
    version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    at_least "$version" "$PYTHON_MIN" ||
        missing "python3 is version $version and $PYTHON_MIN or newer is needed; install a newer Python."
    if python3 -m pip --version >/dev/null 2>&1 || [[ -d $PIP ]]; then return 0; fi
    unpack_pip || missing "python3 has no pip; run \`$(apt python3-pip)\`."
}

unpack_pip() {
    local folder=$PIP.new archive packages=(python3-pip)
    has apt-get || return 1
    note "This python3 has no pip; unpacking Debian's into .local/tools …"
    # Debian 12's pip also wants distutils, which later releases no longer have.
    if is_root && ! apt-cache show python3-pip >/dev/null 2>&1; then
        apt-get update -qq >"$LOGS/apt.log" 2>&1 || return 1
    fi
    if apt-cache show python3-distutils 2>/dev/null | grep -q ^Filename; then
        packages+=(python3-distutils python3-lib2to3)
    fi
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && apt-get download -qq "${packages[@]}" >"$LOGS/apt.log" 2>&1) || return 1
    for archive in "$folder"/*.deb; do dpkg -x "$archive" "$folder" || return 1; done
    rm -f "$folder"/*.deb
    mv "$folder" "$PIP"
}

check_node() {
    local version
    if ! has node || ! has npm; then
        missing "Node.js with npm is missing; install Node.js $NODE_MIN or newer."
        return 0
    fi
    version=$(node --version)
    at_least "${version#v}" "$NODE_MIN" ||
        missing "Node.js is version ${version#v} and $NODE_MIN or newer is needed; install a newer one."
}

check_rust() {
    local wanted version
    if ! has cargo; then
        missing "cargo is missing; install Rust with rustup."
        return 0
    fi
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
    version=$(cargo --version | cut -d' ' -f2)
    at_least "$version" "${wanted:-1.95}" ||
        missing "cargo is version $version and ${wanted:-1.95} or newer is needed; run \`rustup update stable\`."
    has cc || missing "A C compiler is missing; run \`$(apt build-essential)\`."
}

check_lint() {
    cargo fmt --version >/dev/null 2>&1 || missing "rustfmt is missing; run \`rustup component add rustfmt\`."
    cargo clippy --version >/dev/null 2>&1 || missing "clippy is missing; run \`rustup component add clippy\`."
}

# The browser tests of the portal need Chromium; root gets it installed, others are told.
check_browser() {
    grep -qs '"e2e" *:' portal/package.json || return 0
    if has chromium || has chromium-browser || has google-chrome; then return 0; fi
    if is_root && has apt-get; then
        note "Installing chromium for the portal's browser tests …"
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >"$LOGS/apt.log" 2>&1 ||
            missing "chromium could not be installed: $(grep -m 1 ^E: "$LOGS/apt.log")"
    else
        missing "The browser tests need chromium; run \`$(apt chromium)\`."
    fi
}

begin=$EPOCHREALTIME
need sha256sum coreutils
need tar tar
need setsid util-linux
need flock util-linux
if is_root; then need setpriv util-linux; fi
check_python
check_node
check_rust
for purpose in "$@"; do
    case $purpose in
    lint) check_lint ;;
    browser) check_browser ;;
    esac
done
((MISSING == 0)) || exit 1
done_step "Tools" "all there" "$begin"
