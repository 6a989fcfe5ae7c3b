"""Small models with QuantizeLinear and DequantizeLinear around everything, and what they compute by ONNX's word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from e2e.models import Case
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference

from neo_compiler.frontends.onnx.reference import run_reference

Array = np.ndarray
STEP = 0.05
"""Of most tensors: numbers may differ by one."""

BYTES = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8}


@dataclass(frozen=True)
class Form:
    """How a model is quantised."""

    data: str = "uint8"
    weight: str = "int8"
    per_channel: bool = True
    weight_zero: int = 0
    near: bool = True  # weights less their zero point are int8


@dataclass
class Quantised:
    """Collects nodes: every tensor is real and comes from a DequantizeLinear."""

    form: Form = Form()
    nodes: list[Any] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random, self.scales = np.random.default_rng(5), np.float32(1)

    def value(self, array: Any) -> str:
        """A constant's name."""
        name = f"k{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node's output."""
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def rounded(self, x: str, scale: float = 0.05, zero: int = 7) -> str:
        """The real tensor `x`, rounded to bytes and back; `zero` is counted from the least byte, plus 120."""
        least = np.iinfo(self.form.data).min
        numbers = self.value(np.float32(scale)), self.value(np.array(zero + 120 + least, self.form.data))
        return self.add("DequantizeLinear", self.add("QuantizeLinear", x, *numbers), *numbers)

    def weight(self, *shape: int, axis: int = 0) -> str:
        """A quantised weight."""
        form = self.form
        limits = np.iinfo(form.weight)
        array = self.random.integers(limits.min, limits.max + 1, shape).astype(form.weight)
        if form.near and form.weight_zero:
            array = np.clip(array.astype(int), form.weight_zero - 128, form.weight_zero + 127).astype(form.weight)
        channels = shape[axis] if form.per_channel else ()
        scale = 0.012 * (shape[axis] / array.size) ** 0.5  # sums of about as big numbers, however many there are
        scales = np.asarray(scale * self.random.uniform(0.5, 1.5, channels)).astype("float32")
        self.scales = scales
        zeros = np.full(channels, form.weight_zero, form.weight)
        more = {"axis": axis} if form.per_channel else {}
        return self.add("DequantizeLinear", self.value(array), self.value(scales), self.value(zeros), **more)

    def bias(self, channels: int) -> str:
        """A quantised bias for the last weight, in steps of its scales times STEP: ONNX Runtime's int8 wants that."""
        array = self.random.integers(-9000, 9000, channels).astype("int32")
        zeros = self.value(np.zeros(self.scales.shape, "int32"))
        more = {"axis": 0} if self.scales.shape else {}
        return self.add(
            "DequantizeLinear", self.value(array), self.value(self.scales * np.float32(STEP)), zeros, **more
        )

    def conv(self, x: str, channels: int, inputs: int, kernel: int = 3, groups: int = 1, **window: Any) -> str:
        """A convolution with a bias, not rounded yet."""
        weight = self.weight(channels, inputs // groups, kernel, kernel)
        return self.add("Conv", x, weight, self.bias(channels), group=groups, **window)

    def model(self, result: str, shape: Sequence[int]) -> bytes:
        """main(x) -> result"""
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))]
        self.nodes.append(helper.make_node("Identity", [result], ["result"]))
        outputs = [helper.make_tensor_value_info("result", TensorProto.FLOAT, None)]
        graph = helper.make_graph(self.nodes, "quantised", inputs, outputs, self.weights)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        made = shape_inference.infer_shapes(made)
        checker.check_model(made)
        return made.SerializeToString()


def truth(model: bytes, x: Array) -> Array:
    """What ONNX Runtime computes: every operator by itself."""
    return run_reference(model, {"x": x})[0]


def case() -> Case:
    """A small network of every kind of quantised layer; `expected` is `truth`."""
    g = Quantised(Form("int8"))
    x = g.rounded(g.conv(g.rounded("x", STEP), 16, 3, 3, strides=[2, 2], pads=[1] * 4), STEP)
    y = g.rounded(g.add("Relu", g.conv(x, 16, 16, 3, 16, pads=[1] * 4)), STEP, -120)
    x = g.rounded(g.add("Add", g.conv(y, 16, 16, 1), x), STEP)
    x = g.rounded(g.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), STEP)
    x = g.rounded(g.conv(x, 40, 16, 3, pads=[1] * 4), STEP)
    x = g.rounded(g.add("Flatten", g.rounded(g.add("GlobalAveragePool", x), STEP)), STEP)
    x = g.rounded(g.add("Gemm", x, g.weight(24, 40), g.bias(24), transB=1), STEP)
    shape = (1, 3, 32, 32)
    model, data = g.model(x, shape), np.random.default_rng(1).standard_normal(shape).astype("float32") * 3
    return Case("quantised", model, {"x": data}, expected={"result": truth(model, data)})
