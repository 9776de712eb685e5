"""Writes all-MiniLM-L6-v2 (a BERT encoder) as ONNX from its safetensors weights.

The package registry carries the weights only; fastembed wants ONNX. Usage: build_onnx.py SOURCE_FOLDER OUT.onnx
The result keeps 32-bit floats: 8-bit weights changed a fifth of the nearest neighbours.
"""

import json
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

OPSET = 20
IR_VERSION = 10


class Graph:
    """Collects nodes and constants; every method returns the name of the tensor it made."""

    def __init__(self, weights):
        self.weights = weights
        self.nodes = []
        self.constants = []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, name, values):
        return self.constant(name, np.array(values, dtype=np.int64))

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def node(self, operation, inputs, output=None, **attributes):
        number = len(self.nodes) + 1
        output = output or f"t{number}"
        name = f"{operation}_{number}"
        self.nodes.append(helper.make_node(operation, inputs, [output], name=name, **attributes))
        return output

    def linear(self, x, name):
        transposed = self.constant(f"{name}.weight_T", self.weights[f"{name}.weight"].T)
        product = self.node("MatMul", [x, transposed])
        return self.node("Add", [product, self.weight(f"{name}.bias")])

    def layer_norm(self, x, name, epsilon):
        inputs = [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.node("LayerNormalization", inputs, axis=-1, epsilon=epsilon)


def embeddings(graph, config):
    """Word + type + position vectors, normalised."""
    prefix = "embeddings."
    sequence = graph.node("Slice", [graph.node("Shape", ["input_ids"]), graph.integers("one", [1]),
                                    graph.integers("two", [2])])
    positions = np.arange(config["max_position_embeddings"], dtype=np.int64)
    position = graph.node("Slice", [graph.constant("position_ids", positions), graph.integers("zero", [0]), sequence])
    words = graph.constant("word", graph.weights[prefix + "word_embeddings.weight"])
    types = graph.constant("type", graph.weights[prefix + "token_type_embeddings.weight"])
    x = graph.node("Add", [graph.node("Gather", [words, "input_ids"]), graph.node("Gather", [types, "token_type_ids"])])
    places = graph.constant("pos", graph.weights[prefix + "position_embeddings.weight"])
    x = graph.node("Add", [x, graph.node("Gather", [places, position])])
    return graph.layer_norm(x, prefix + "LayerNorm", config["layer_norm_eps"])


def attention_mask(graph):
    """0 where a token may be looked at, a very negative number where it is padding."""
    mask = graph.node("Unsqueeze", ["attention_mask", graph.integers("ax12", [1, 2])])
    mask = graph.node("Cast", [mask], to=TensorProto.FLOAT)
    padding = graph.node("Sub", [graph.constant("f1", np.float32(1)), mask])
    return graph.node("Mul", [padding, graph.constant("neg", np.float32(-1e9))])


def encoder_layer(graph, x, mask, prefix, epsilon):
    """One transformer layer; `split`, `merge` and `scale` are constants that all layers share."""
    query, key, value = (
        graph.node("Reshape", [graph.linear(x, f"{prefix}attention.self.{part}"), "split"])
        for part in ("query", "key", "value")
    )
    query = graph.node("Transpose", [query], perm=[0, 2, 1, 3])
    value = graph.node("Transpose", [value], perm=[0, 2, 1, 3])
    key = graph.node("Transpose", [key], perm=[0, 2, 3, 1])
    scores = graph.node("Mul", [graph.node("MatMul", [query, key]), "scale"])
    shares = graph.node("Softmax", [graph.node("Add", [scores, mask])], axis=-1)
    context = graph.node("Transpose", [graph.node("MatMul", [shares, value])], perm=[0, 2, 1, 3])
    context = graph.node("Reshape", [context, "merge"])
    attended = graph.node("Add", [graph.linear(context, prefix + "attention.output.dense"), x])
    x = graph.layer_norm(attended, prefix + "attention.output.LayerNorm", epsilon)
    inner = graph.node("Gelu", [graph.linear(x, prefix + "intermediate.dense")])
    outer = graph.node("Add", [graph.linear(inner, prefix + "output.dense"), x])
    return graph.layer_norm(outer, prefix + "output.LayerNorm", epsilon)


def build(config, weights):
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    per_head = hidden // heads
    graph = Graph(weights)
    x = embeddings(graph, config)
    mask = attention_mask(graph)
    graph.integers("split", [0, 0, heads, per_head])
    graph.integers("merge", [0, 0, hidden])
    graph.constant("scale", np.float32(1 / np.sqrt(per_head)))
    for layer in range(config["num_hidden_layers"]):
        x = encoder_layer(graph, x, mask, f"encoder.layer.{layer}.", config["layer_norm_eps"])
    graph.node("Identity", [x], output="last_hidden_state")

    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "seq"]) for name in names]
    shape = ["batch", "seq", hidden]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)]
    onnx_graph = helper.make_graph(graph.nodes, "minilm", inputs, outputs, graph.constants)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(onnx_graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="build_onnx")


def main():
    source, out = sys.argv[1:]
    with open(f"{source}/config.json") as file:
        config = json.load(file)
    if config["hidden_act"] != "gelu" or config.get("position_embedding_type", "absolute") != "absolute":
        sys.exit("error: this script knows only BERT with gelu and absolute positions.")
    tensors = load_file(f"{source}/model.safetensors")
    weights = {
        name.removeprefix("bert."): tensor.astype(np.float32)
        for name, tensor in tensors.items()
        if tensor.dtype.kind == "f"
    }
    model = build(config, weights)
    onnx.checker.check_model(model)
    onnx.save(model, out)


if __name__ == "__main__":
    main()
