"""Small models with the operators that real ones are made of; weights are random but fixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """A model file and one input for it."""

    name: str
    model: bytes
    inputs: Arrays
    framework: str = "ONNX"
    file: str = "model.onnx"  # the name of `model` in the archive
    expected: Arrays | None = None  # None: what ONNX Runtime computes

    @property
    def shapes(self) -> dict[str, list[int]]:
        return {name: list(array.shape) for name, array in self.inputs.items()}


class Graph:
    """Collects nodes and weights."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, name: str, *shape: int) -> str:
        return self.constant(name, (self._random.standard_normal(shape) * 0.1).astype("float32"))

    def constant(self, name: str, array: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        output = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def model(self, name: str, inputs: list[Any], result: str, outputs: list[Any], opset: int) -> bytes:
        self.nodes.append(helper.make_node("Identity", [result], [outputs[0].name]))
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model.SerializeToString()


def tensor(name: str, dtype: int, *shape: int | str | None) -> Any:
    return helper.make_tensor_value_info(name, dtype, list(shape))


def conv_net(batch: int | str = 1) -> Case:
    """Two convolutions, a pool, and a Gemm whose weight is transposed, as PyTorch exports it."""
    g = Graph()
    x = g.add("Relu", g.add("Conv", "data", g.weight("w1", 8, 3, 3, 3), g.weight("b1", 8), pads=[1] * 4))
    x = g.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.add("Relu", g.add("Conv", x, g.weight("w2", 16, 8, 3, 3), g.weight("b2", 16), pads=[1] * 4))
    x = g.add("GlobalAveragePool", x)
    first = g.add("Gather", g.add("Shape", x), g.constant("zero", np.array([0])), axis=0)
    target = g.add("Concat", first, g.constant("minus_one", np.array([-1])), axis=0)
    x = g.add("Reshape", x, target)
    x = g.add("Gemm", x, g.weight("w3", 10, 16), g.weight("b3", 10), transB=1)
    x = g.add("Softmax", x, axis=-1)
    ends = [tensor("data", TensorProto.FLOAT, batch, 3, 32, 32)], x, [tensor("prob", TensorProto.FLOAT, batch, 10)]
    data = np.random.default_rng(1).standard_normal((1, 3, 32, 32)).astype("float32")
    return Case("conv", g.model("conv", *ends, opset=13), {"data": data})


def transformer(length: int = 16, width: int = 32, heads: int = 4, words: int = 100) -> Case:
    """One block of attention and a GELU layer over embedded int64 ids."""
    g = Graph()
    scale, shift = g.constant("g1", np.ones(width, "float32")), g.constant("b1", np.zeros(width, "float32"))
    split = g.constant("split", np.array([1, length, heads, width // heads]))
    merge = g.constant("merge", np.array([1, length, width]))
    number = {k: g.constant(k, np.float32(v)) for k, v in (("qk", (width // heads) ** -0.5), ("r2", 2**-0.5))}
    half, one = g.constant("half", np.float32(0.5)), g.constant("one", np.float32(1))
    x = g.add("Add", g.add("Gather", g.weight("words", words, width), "ids"), g.weight("places", 1, length, width))
    y = g.add("LayerNormalization", x, scale, shift)

    def head(name: str, order: list[int]) -> str:
        return g.add("Transpose", g.add("Reshape", g.add("MatMul", y, g.weight(name, width, width)), split), perm=order)

    q, k, v = head("wq", [0, 2, 1, 3]), head("wk", [0, 2, 3, 1]), head("wv", [0, 2, 1, 3])
    scores = g.add("Softmax", g.add("Mul", g.add("MatMul", q, k), number["qk"]), axis=-1)
    joined = g.add("Reshape", g.add("Transpose", g.add("MatMul", scores, v), perm=[0, 2, 1, 3]), merge)
    x = g.add("Add", x, g.add("MatMul", joined, g.weight("wo", width, width)))
    h = g.add("MatMul", g.add("LayerNormalization", x, scale, shift), g.weight("f1", width, 2 * width))
    gate = g.add("Add", g.add("Erf", g.add("Mul", h, number["r2"])), one)
    h = g.add("Mul", g.add("Mul", h, gate), half)
    x = g.add("LayerNormalization", g.add("Add", x, g.add("MatMul", h, g.weight("f2", 2 * width, width))), scale, shift)
    ends = [tensor("ids", TensorProto.INT64, 1, length)], x, [tensor("y", TensorProto.FLOAT, 1, length, width)]
    ids = np.random.default_rng(1).integers(0, words, (1, length))
    return Case("transformer", g.model("transformer", *ends, opset=17), {"ids": ids})


def magika() -> Case:
    """A real model that recognises file types. Source: PyPI magika, Apache-2.0."""
    import magika as package

    path = Path(package.__file__).parent / "models" / "standard_v3_3" / "model.onnx"
    data = np.random.default_rng(1).integers(0, 257, (1, 2048)).astype("int32")
    return Case("magika", path.read_bytes(), {"bytes": data})


CASES: dict[str, Callable[[], Case]] = {"conv": conv_net, "transformer": transformer, "magika": magika}
