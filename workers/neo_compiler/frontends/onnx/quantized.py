"""Quantised operators as what they stand for: integers without their zero points, multiplied in float32.

Float32 holds integers up to 2^24 exactly, so sums of up to 260 products of 8 bits are exact, and longer ones of
ordinary size are. Source: ONNX operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnx import TensorProto

from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode


def _conv_integer(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    """In float32, which holds sums of 2^24 exactly: beyond that the sums of int8 products would be rounded."""
    nodes = Nodes(node, types)
    rank = len(nodes.shape(0))
    data = nodes.whole(nodes.input(0), nodes.input(2), None, rank, TensorProto.FLOAT)
    weight = nodes.whole(nodes.input(1), nodes.input(3), 0, rank, TensorProto.FLOAT)
    made = nodes.add("Conv", data, weight, **nodes.attributes())
    nodes.add("Cast", made, to=TensorProto.INT32, output=nodes.output())
    return nodes.made


def _qlinear_conv(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    """Inputs x, its scale and zero point, w, its, y's, and a bias in units of x's scale times w's."""
    nodes = Nodes(node, types)
    rank = len(nodes.shape(0))
    data = nodes.whole(nodes.input(0), nodes.input(2), None, rank, TensorProto.FLOAT)
    weight = nodes.whole(nodes.input(3), nodes.input(5), 0, rank, TensorProto.FLOAT)
    bias = [nodes.add("Cast", nodes.input(8), to=TensorProto.FLOAT)] if nodes.input(8) else []
    made = nodes.add("Conv", data, weight, *bias, **nodes.attributes())
    scale = nodes.add("Mul", nodes.input(1), nodes.input(4))
    per_channel = nodes.add("Reshape", scale, nodes.constant([1, -1] + [1] * (rank - 2), "int64"))
    real = nodes.add("Mul", made, per_channel)
    nodes.add("QuantizeLinear", real, nodes.input(6), nodes.input(7), output=nodes.output())
    return nodes.made


def _qlinear_matmul(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    nodes = Nodes(node, types)
    left = nodes.whole(nodes.input(0), nodes.input(2), -2, len(nodes.shape(0)), TensorProto.FLOAT)
    right = nodes.whole(nodes.input(3), nodes.input(5), -1, len(nodes.shape(3)), TensorProto.FLOAT)
    made = nodes.add("MatMul", left, right)
    scales = [nodes.add("Cast", nodes.input(place), to=TensorProto.FLOAT) for place in (1, 4, 6)]
    real = nodes.add("Mul", made, nodes.add("Mul", scales[0], scales[1]))
    nodes.add("QuantizeLinear", real, scales[2], nodes.input(7), output=nodes.output())
    return nodes.made


REWRITES: dict[str, Rewrite] = {
    "ConvInteger": _conv_integer,
    "QLinearConv": _qlinear_conv,
    "QLinearMatMul": _qlinear_matmul,
}
