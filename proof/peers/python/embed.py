"""The same model through Python's ONNX runtime, in batches of 32 by length, as sentence-transformers makes them.

Each line of the input is a JSON list of texts; each line of the output says how long it took and what it cost.
"""

import json
import os
import sys
import time

import numpy
import onnxruntime
from tokenizers import Tokenizer

FOLDER = os.environ["EMBEDDING_MODEL_DIR"]
BATCH = 32
TEXT_TOKENS_MAX = 256

tokenizer = Tokenizer.from_file(FOLDER + "/tokenizer.json")
tokenizer.enable_truncation(TEXT_TOKENS_MAX)
tokenizer.enable_padding()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ["THREADS"])
session = onnxruntime.InferenceSession(FOLDER + "/model.onnx", options, providers=["CPUExecutionProvider"])
wanted = {given.name for given in session.get_inputs()}


def embed(texts):
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    vectors = [None] * len(texts)
    for first in range(0, len(order), BATCH):
        batch = order[first : first + BATCH]
        encoded = tokenizer.encode_batch([texts[index] for index in batch])
        ids = numpy.array([one.ids for one in encoded], dtype=numpy.int64)
        mask = numpy.array([one.attention_mask for one in encoded], dtype=numpy.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        hidden = session.run(None, {name: inputs[name] for name in inputs if name in wanted})[0]
        weights = mask[:, :, None].astype(hidden.dtype)
        means = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
        means /= numpy.linalg.norm(means, axis=1, keepdims=True)
        for index, vector in zip(batch, means):
            vectors[index] = vector
    return vectors


for line in sys.stdin:
    texts = json.loads(line)
    began, spent = time.perf_counter(), time.process_time()
    vectors = embed(texts)
    took = {
        "ms": (time.perf_counter() - began) * 1000,
        "cpu_ms": (time.process_time() - spent) * 1000,
        "first": [float(value) for value in vectors[0]],
    }
    print(json.dumps(took), flush=True)
