"""Operators that TVM's converters compute wrongly, or not at all, for some types or sizes of values.

Source: ONNX operators; TVM 0.27, relax.frontend.onnx.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode

UNSIGNED = (TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64)
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)
WIDE = (TensorProto.FLOAT, TensorProto.DOUBLE)


def _in_float32(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Of all types but float32 and float64: TVM has no such function of float16, and no fractions of integers."""
    nodes = Nodes(node, types)
    kind = nodes.kind(0)
    if kind in WIDE:
        return None
    made = nodes.add(node.op_type, nodes.add("Cast", nodes.input(0), to=TensorProto.FLOAT), **nodes.attributes())
    nodes.add("Cast", made, to=kind, output=nodes.output())
    return nodes.made


def _sign(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Unsigned numbers are 0 or more: TVM compares with -1."""
    nodes = Nodes(node, types)
    if nodes.kind(0) not in UNSIGNED:
        return None
    nodes.add("Cast", nodes.add("Cast", nodes.input(0), to=TensorProto.BOOL), to=nodes.kind(0), output=nodes.output())
    return nodes.made


def _dequantize_linear(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """As float16, what is too great for it is infinite, where TVM gives the greatest float16."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    wanted = attributes.pop("output_dtype", 0) or nodes.kind(1)
    if wanted == TensorProto.FLOAT or attributes.get("block_size", 0):
        return None
    scale = nodes.add("Cast", nodes.input(1), to=TensorProto.FLOAT)
    made = nodes.add("DequantizeLinear", nodes.input(0), scale, *node.input[2:], **attributes)
    nodes.add("Cast", made, to=wanted, output=nodes.output())
    return nodes.made


def _reduced_in_float64(op: str) -> Rewrite:
    """A reduction with a root or a logarithm, of integers in float64, which holds their sums.

    Over no axes at all it is `op` of each value.
    """

    def rewrite(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
        nodes = Nodes(node, types)
        if nodes.kind(0) in FLOATS:
            return _alone(op)(node, types, constant)
        wide = nodes.add("Cast", nodes.input(0), to=TensorProto.DOUBLE)
        made = nodes.add(node.op_type, wide, *node.input[1:], **nodes.attributes())
        nodes.add("Cast", made, to=nodes.kind(0), output=nodes.output())
        return nodes.made

    return rewrite


def _reduce_mean(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Of integers: the sum by the count, rounded towards 0. TVM makes int64 of it."""
    nodes = Nodes(node, types)
    if nodes.empty(0):
        raise ValueError("a reduction over no elements is not available")
    if nodes.kind(0) in FLOATS:
        return None
    shape, result = nodes.shape(0), nodes.result_shape(0)
    made = nodes.add("ReduceSum", *node.input, **nodes.attributes())
    count = nodes.constant(math.prod(shape) // max(1, math.prod(result)), nodes.dtype(0))
    nodes.add("Div", made, count, output=nodes.output())
    return nodes.made


def _log_sum_exp(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Less the greatest value, which is kept finite: a line of infinities has its infinity, not NaN.

    Of integers the logarithm is cut before the greatest value is added, as in ONNX Runtime.
    """
    nodes = Nodes(node, types)
    is_float = nodes.kind(0) in FLOATS
    if nodes.empty(0) and not is_float:
        raise ValueError("a reduction over no elements is not available")
    if nodes.empty(0):  # the logarithm of a sum of nothing
        made = nodes.constant(np.full(nodes.result_shape(0), -np.inf), nodes.dtype(0))
        nodes.add("Identity", made, output=nodes.output())
        return nodes.made
    attributes = {**nodes.attributes(), "keepdims": 1}
    greatest = nodes.add("ReduceMax", *node.input, **attributes)
    if is_float:
        limit = float(np.finfo(nodes.dtype(0)).max)
        bounds = (nodes.constant(end, nodes.dtype(0)) for end in (-limit, limit))
        greatest = nodes.add("Clip", greatest, *bounds)
    rest = nodes.add("Sub", nodes.input(0), greatest)
    if not is_float:
        rest = nodes.add("Cast", rest, to=TensorProto.FLOAT)
    total = nodes.add("Log", nodes.add("ReduceSum", nodes.add("Exp", rest), *node.input[1:], **attributes))
    if not is_float:
        total = nodes.add("Cast", total, to=nodes.kind(0))
    shape = nodes.constant(nodes.result_shape(0), "int64")
    nodes.add("Reshape", nodes.add("Add", total, greatest), shape, output=nodes.output())
    return nodes.made


def _alone(op: str) -> Rewrite:
    """A reduction over no axes, of each value by itself: TVM gives back the value."""

    def rewrite(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
        nodes = Nodes(node, types)
        axes = constant(nodes.input(1)) if nodes.input(1) else np.zeros(0)
        if not nodes.attributes().get("noop_with_empty_axes", 0) or axes is None or axes.size:
            return None
        nodes.add(op, *[nodes.input(0)] * (2 if op == "Mul" else 1), output=nodes.output())
        return nodes.made

    return rewrite


def _scatter(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Flags are added and compared as integers."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    if nodes.kind(0) != TensorProto.BOOL or attributes.get("reduction", b"none") == b"none":
        return None
    data, updates = (nodes.add("Cast", nodes.input(place), to=TensorProto.INT32) for place in (0, 2))
    made = nodes.add(node.op_type, data, nodes.input(1), updates, **attributes)
    nodes.add("Cast", made, to=TensorProto.BOOL, output=nodes.output())
    return nodes.made


def _affine_grid(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    nodes = Nodes(node, types)
    size = constant(nodes.input(1))
    if size is not None and nodes.attributes().get("align_corners", 0) and np.any(np.asarray(size)[2:] == 1):
        raise ValueError("align_corners is not available for a side of one place")
    return None


def _quantize_linear(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """In the given precision, or the scale's type; TVM divides in the type of the values, and no integers."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    given = attributes.pop("precision", 0)
    kind = given or nodes.kind(1)
    if not given and nodes.kind(0) == kind:
        return None
    x, scale = (
        nodes.input(place) if nodes.kind(place) == kind else nodes.add("Cast", nodes.input(place), to=kind)
        for place in (0, 1)
    )
    nodes.add("QuantizeLinear", x, scale, *node.input[2:], output=nodes.output(), **attributes)
    return nodes.made


def _erf(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    if Nodes(node, types).kind(0) not in FLOATS:
        raise ValueError("it is available for numbers with a fraction alone")
    return None


def _grid_sample(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """TVM divides by the length that is reflected, and makes float32 of all types but float64."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    if nodes.kind(0) not in FLOATS:
        raise ValueError("it is available for numbers with a fraction alone")
    reflected = attributes.get("padding_mode") == b"reflection" and attributes.get("align_corners", 0)
    if reflected and 1 in nodes.shape(0)[2:]:
        raise ValueError("reflection with align_corners is not available for a side of one place")
    if nodes.kind(0) in WIDE:
        return None
    wide = [nodes.add("Cast", name, to=TensorProto.FLOAT) for name in node.input]
    nodes.add("Cast", nodes.add("GridSample", *wide, **attributes), to=nodes.kind(0), output=nodes.output())
    return nodes.made


def _eye_like(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """A constant, as only the shape of the input counts; TVM wants its type to be that of the result."""
    nodes = Nodes(node, types)
    attributes, shape = nodes.attributes(), nodes.shape(0)
    kind = attributes.get("dtype", nodes.kind(0))
    if kind == nodes.kind(0):
        return None
    if math.prod(shape) > MAX_EYE:
        raise ValueError(f"of another type than its input it is available with up to {MAX_EYE} elements")
    eye = np.eye(shape[0], shape[1], attributes.get("k", 0))
    nodes.add("Cast", nodes.constant(eye, "float32"), to=kind, output=nodes.output())
    return nodes.made


def _prelu(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Of integers: TVM's takes fractions alone."""
    nodes = Nodes(node, types)
    if nodes.kind(0) in FLOATS:
        return None
    if nodes.kind(0) in UNSIGNED:
        nodes.add("Identity", nodes.input(0), output=nodes.output())
        return nodes.made
    below = nodes.add("Less", nodes.input(0), nodes.constant(0, nodes.dtype(0)))
    nodes.add("Where", below, nodes.add("Mul", nodes.input(0), nodes.input(1)), nodes.input(0), output=nodes.output())
    return nodes.made


MAX_EYE = 1 << 20

REWRITES: dict[str, Rewrite] = {
    **dict.fromkeys(("Acos", "Acosh", "Asin", "Asinh", "Atan", "Cosh", "Gelu", "Shrink", "Sinh"), _in_float32),
    "AffineGrid": _affine_grid,
    "DequantizeLinear": _dequantize_linear,
    "Erf": _erf,
    "EyeLike": _eye_like,
    "GridSample": _grid_sample,
    "PRelu": _prelu,
    "QuantizeLinear": _quantize_linear,
    "ReduceL1": _alone("Abs"),
    "ReduceL2": _reduced_in_float64("Abs"),
    "ReduceLogSum": _reduced_in_float64("Log"),
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMean": _reduce_mean,
    "ReduceSumSquare": _alone("Mul"),
    "ScatterElements": _scatter,
    "ScatterND": _scatter,
    "Sign": _sign,
}
