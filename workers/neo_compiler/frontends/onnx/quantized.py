"""Quantised operators as what they stand for: integers without their zero points, multiplied and summed in int32.

ONNX has no convolution of int32, and TVM has one; `passes.quantization.integer_ops` makes faster products of them.
Source: ONNX operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnx import TensorProto

from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode


def _conv_integer(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    nodes = Nodes(node, types)
    rank = len(nodes.shape(0))
    data = nodes.whole(nodes.input(0), nodes.input(2), None, rank)
    weight = nodes.whole(nodes.input(1), nodes.input(3), 0, rank)
    nodes.add("Conv", data, weight, output=nodes.output(), **_window(nodes, 1))
    return nodes.made


def _qlinear_conv(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    """Inputs x, its scale and zero point, w, its, y's, and a bias in units of x's scale times w's."""
    nodes = Nodes(node, types)
    rank = len(nodes.shape(0))
    channels = nodes.constant([1, -1] + [1] * (rank - 2), "int64")
    data = nodes.whole(nodes.input(0), nodes.input(2), None, rank)
    weight = nodes.whole(nodes.input(3), nodes.input(5), 0, rank)
    sums = nodes.add("Conv", data, weight, **_window(nodes, 3))
    if nodes.input(8):
        sums = nodes.add("Add", sums, nodes.add("Reshape", nodes.input(8), channels))
    scale = nodes.add("Mul", nodes.input(1), nodes.input(4))
    real = nodes.add("Mul", nodes.add("Cast", sums, to=TensorProto.FLOAT), nodes.add("Reshape", scale, channels))
    nodes.add("QuantizeLinear", real, nodes.input(6), nodes.input(7), output=nodes.output())
    return nodes.made


def _window(nodes: Nodes, weight: int) -> dict[str, Any]:
    """The attributes of a convolution whose weight is input number `weight`, auto_pad SAME written out as pads."""
    attributes = nodes.attributes()
    mode = attributes.get("auto_pad", b"")
    if not mode.startswith(b"SAME"):
        return attributes
    del attributes["auto_pad"]
    sizes, kernel = nodes.shape(0)[2:], nodes.shape(weight)[2:]
    begins, ends = [], []
    for axis, (size, width) in enumerate(zip(sizes, kernel, strict=True)):
        stride, dilation = (attributes.get(key, [1] * len(sizes))[axis] for key in ("strides", "dilations"))
        total = max(0, (-(-size // stride) - 1) * stride + (width - 1) * dilation + 1 - size)
        begins.append(total // 2 if mode == b"SAME_UPPER" else (total + 1) // 2)
        ends.append(total - begins[-1])
    return attributes | {"pads": begins + ends}


def _qlinear_matmul(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    nodes = Nodes(node, types)
    left = nodes.whole(nodes.input(0), nodes.input(2), -2, len(nodes.shape(0)))
    right = nodes.whole(nodes.input(3), nodes.input(5), -1, len(nodes.shape(3)))
    made = nodes.add("Cast", nodes.add("MatMul", left, right), to=TensorProto.FLOAT)
    scales = [nodes.add("Cast", nodes.input(place), to=TensorProto.FLOAT) for place in (1, 4, 6)]
    real = nodes.add("Mul", made, nodes.add("Mul", scales[0], scales[1]))
    nodes.add("QuantizeLinear", real, scales[2], nodes.input(7), output=nodes.output())
    return nodes.made


REWRITES: dict[str, Rewrite] = {
    "ConvInteger": _conv_integer,
    "QLinearConv": _qlinear_conv,
    "QLinearMatMul": _qlinear_matmul,
}
