"""Operators, or forms of them, that neither TVM nor a definition of ONNX's covers, as other nodes.

Source: ONNX operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import TensorProto

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode

FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def _lp_normalization(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    """x / norm, and 0 where the norm is 0."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    axis = attributes.get("axis", -1)
    op = f"ReduceL{attributes.get('p', 2)}"
    norm = nodes.add(op, nodes.input(0), nodes.constant([axis], "int64"), keepdims=1)
    zero = nodes.add("CastLike", nodes.constant(0, "float32"), nodes.input(0))
    one = nodes.add("CastLike", nodes.constant(1, "float32"), nodes.input(0))
    safe = nodes.add("Where", nodes.add("Equal", norm, zero), one, norm)
    nodes.add("Div", nodes.input(0), safe, output=nodes.output())
    return nodes.made


def _reverse_sequence(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """By places that are known beforehand: the lengths must be constant."""
    nodes = Nodes(node, types)
    lengths, attributes = constant(nodes.input(1)), nodes.attributes()
    if lengths is None:
        raise ValueError("ReverseSequence needs constant sequence_lens")
    batch, time = attributes.get("batch_axis", 1), attributes.get("time_axis", 0)
    shape = nodes.shape(0)
    places: Array = np.tile(np.arange(shape[time]), (shape[batch], 1))
    for row, length in enumerate(lengths):
        places[row, :length] = places[row, :length][::-1]
    order = places if batch < time else places.T
    sizes = [shape[axis] if axis in (batch, time) else 1 for axis in range(len(shape))]
    full = np.broadcast_to(order.reshape(sizes), shape)
    nodes.add("GatherElements", nodes.input(0), nodes.constant(full, "int64"), axis=time, output=nodes.output())
    return nodes.made


def _col2im(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """A transposed convolution whose kernel puts each value of a block in its place."""
    nodes = Nodes(node, types)
    image, block = constant(nodes.input(1)), constant(nodes.input(2))
    if image is None or block is None:
        raise ValueError("Col2Im needs constant sizes")
    attributes, rank = nodes.attributes(), len(image)
    strides, dilations = attributes.get("strides", [1] * rank), attributes.get("dilations", [1] * rank)
    pads = attributes.get("pads", [0] * 2 * rank)
    n, columns, _ = nodes.shape(0)
    cells = int(np.prod(block))
    counts = [
        (int(image[a]) + pads[a] + pads[a + rank] - dilations[a] * (int(block[a]) - 1) - 1) // strides[a] + 1
        for a in range(rank)
    ]
    channels = columns // cells
    split = nodes.add("Reshape", nodes.input(0), nodes.constant([n * channels, cells, *counts], "int64"))
    kernel = np.eye(cells, dtype="float32").reshape(cells, 1, *(int(size) for size in block))
    missing = [
        int(image[a]) + pads[a] + pads[a + rank] - (counts[a] - 1) * strides[a] - dilations[a] * (int(block[a]) - 1) - 1
        for a in range(rank)
    ]
    window = {"strides": strides, "dilations": dilations, "pads": pads, "output_padding": missing}
    made = nodes.add("ConvTranspose", split, nodes.constant(kernel, "float32"), **window)
    target = nodes.constant([n, channels, *(int(size) for size in image)], "int64")
    nodes.add("Reshape", made, target, output=nodes.output())
    return nodes.made


def _dropout(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Nothing is dropped outside training; the mask, where one is wanted, is all true."""
    nodes = Nodes(node, types)
    training = constant(nodes.input(2)) if nodes.input(2) else None
    ratio = constant(nodes.input(1)) if nodes.input(1) else None
    if nodes.input(2) and (training is None or (np.any(training) and (ratio is None or np.any(ratio)))):
        raise ValueError("Dropout in training is not available")
    nodes.add("Identity", nodes.input(0), output=nodes.output())
    if len(node.output) > 1 and node.output[1]:
        nodes.add("Identity", nodes.constant(np.ones(nodes.shape(0)), "bool"), output=node.output[1])
    return nodes.made


def _batch_normalization(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Of float16 in float32: TVM's makes float32 of it, and calls it float16."""
    nodes = Nodes(node, types)
    if nodes.attributes().get("training_mode", 0):
        raise ValueError("training_mode is not available")
    if nodes.kind(0) not in (TensorProto.FLOAT16, TensorProto.BFLOAT16):
        return None
    wide = [nodes.add("Cast", name, to=TensorProto.FLOAT) for name in node.input]
    made = nodes.add("BatchNormalization", *wide, **nodes.attributes())
    nodes.add("Cast", made, to=nodes.kind(0), output=nodes.output())
    return nodes.made


def _pow(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """The result has the type of the base; TVM wants both to have it, and to have a fraction."""
    nodes = Nodes(node, types)
    kinds = nodes.kind(0), nodes.kind(1)
    real = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    if kinds[0] == kinds[1] and kinds[0] in real:
        return None
    common = next((kind for kind in kinds if kind in real), TensorProto.DOUBLE)
    made = nodes.add("Pow", *(nodes.add("Cast", nodes.input(place), to=common) for place in (0, 1)))
    nodes.add("Cast", made, to=kinds[0], output=nodes.output())
    return nodes.made


def _one_hot(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """The depth may have any type, where TVM wants an integer; TVM's result is of 64 bits whatever the values are."""
    nodes = Nodes(node, types)
    depth, attributes = constant(nodes.input(1)), nodes.attributes()
    if attributes.get("axis", -1) < -1:
        attributes["axis"] += len(nodes.shape(0)) + 1
    wide = TensorProto.DOUBLE if nodes.kind(2) in FLOATS else TensorProto.INT64
    if depth is None:
        return None
    right = depth.dtype == np.int64 and not depth.ndim and (nodes.kind(0), nodes.kind(2)) == (TensorProto.INT64, wide)
    if right and attributes == nodes.attributes():
        return None
    places = nodes.add("Cast", nodes.input(0), to=TensorProto.INT64)
    whole = nodes.constant(int(np.ravel(depth)[0]), "int64")
    made = nodes.add("OneHot", places, whole, nodes.add("Cast", nodes.input(2), to=wide), **attributes)
    nodes.add("Cast", made, to=nodes.kind(2), output=nodes.output())
    return nodes.made


def _is_inf(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Of one sign only: TVM's converter does not look at detect_negative and detect_positive."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    below, above = (attributes.get(f"detect_{sign}", 1) for sign in ("negative", "positive"))
    if below and above:
        return None
    zero = nodes.add("CastLike", nodes.constant(0, "float32"), nodes.input(0))
    side = nodes.add("Less" if below else "Greater", nodes.input(0), zero)
    either = nodes.add("And", nodes.add("IsInf", nodes.input(0)), side)
    none = nodes.constant(bool(below or above), "bool")
    nodes.add("And", either, none, output=nodes.output())
    return nodes.made


def _space_to_depth(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Mode CRD: the places of a block lie side by side for each channel. TVM does not look at the mode."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    if attributes.get("mode", b"DCR") == b"DCR":
        return None
    (n, c, h, w), size = nodes.shape(0), attributes["blocksize"]
    blocks = nodes.constant([n, c, h // size, size, w // size, size], "int64")
    turned = nodes.add("Transpose", nodes.add("Reshape", nodes.input(0), blocks), perm=[0, 1, 3, 5, 2, 4])
    target = nodes.constant([n, c * size * size, h // size, w // size], "int64")
    nodes.add("Reshape", turned, target, output=nodes.output())
    return nodes.made


def _roi_align(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """The regions in units of the picture's places: TVM takes half a place off before they are scaled, ONNX after that.

    TVM's mode max takes the greatest of interpolated values, ONNX' that of the weighted corners.
    """
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    if attributes.get("mode", b"avg") == b"max":
        raise ValueError("mode max is not available")
    scale = attributes.pop("spatial_scale", 1.0)
    if scale == 1.0:
        return None
    regions = nodes.add("Mul", nodes.input(1), nodes.constant(scale, nodes.dtype(1)))
    nodes.add("RoiAlign", nodes.input(0), regions, nodes.input(2), output=nodes.output(), **attributes)
    return nodes.made


def _greatest(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """ReduceMax and ReduceMin of flags as of bytes, and refused of nothing at all, where TVM has no infinity."""
    nodes = Nodes(node, types)
    if nodes.empty(0):
        raise ValueError("a reduction over no elements is not available")
    if nodes.kind(0) == TensorProto.BOOL:
        wide = nodes.add("Cast", nodes.input(0), to=TensorProto.INT32)
        made = nodes.add(node.op_type, wide, *node.input[1:], **nodes.attributes())
        nodes.add("Cast", made, to=TensorProto.BOOL, output=nodes.output())
        return nodes.made
    return None


def _conv_transpose(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """output_shape and auto_pad, written out as pads."""
    nodes = Nodes(node, types)
    attributes, shape, kernel = nodes.attributes(), nodes.shape(0)[2:], nodes.shape(1)[2:]
    mode = attributes.pop("auto_pad", b"NOTSET").decode()
    wanted = attributes.pop("output_shape", None)
    automatic = wanted is None
    if automatic and mode in ("NOTSET", ""):
        return None
    rank = len(shape)
    strides = attributes.get("strides", [1] * rank)
    dilations = attributes.get("dilations", [1] * rank)
    extra = attributes.get("output_padding", [0] * rank)
    if automatic:
        wanted = [size * stride for size, stride in zip(shape, strides, strict=True)] if mode != "VALID" else None
    begins, ends = [0] * rank, [0] * rank
    for axis in range(rank if wanted is not None else 0):
        full = strides[axis] * (shape[axis] - 1) + extra[axis] + (kernel[axis] - 1) * dilations[axis] + 1
        total = full - list(wanted)[-rank:][axis]
        if total < 0 and automatic:
            raise ValueError("auto_pad with more stride than kernel is not available: ONNX Runtime and ONNX differ")
        small, big = total // 2, total - total // 2
        begins[axis], ends[axis] = (small, big) if mode == "SAME_UPPER" else (big, small)
    if any(pad < 0 for pad in (*begins, *ends)):
        attributes["output_padding"] = [extra[a] + max(0, -begins[a] - ends[a]) for a in range(rank)]
        begins, ends = [max(0, pad) for pad in begins], [max(0, pad) for pad in ends]
    attributes["pads"] = [*begins, *ends]
    nodes.add("ConvTranspose", *node.input, output=nodes.output(), **attributes)
    return nodes.made


def _cum_prod(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    """One product per place of the axis, as the axis is short where this operator is used."""
    nodes = Nodes(node, types)
    axis_array, attributes, shape = constant(nodes.input(1)), nodes.attributes(), nodes.shape(0)
    if axis_array is None:
        raise ValueError("CumProd needs a constant axis")
    axis = int(np.ravel(axis_array)[0]) % len(shape)
    if shape[axis] > MAX_CUMULATED:
        raise ValueError(f"CumProd over {shape[axis]} places; the most available is {MAX_CUMULATED}")
    rows = [
        nodes.add("Gather", nodes.input(0), nodes.constant([place], "int64"), axis=axis) for place in range(shape[axis])
    ]
    rows = rows[::-1] if attributes.get("reverse", 0) else rows
    ones = nodes.constant(np.ones([1 if place == axis else size for place, size in enumerate(shape)]), nodes.dtype(0))
    products = [ones if attributes.get("exclusive", 0) else rows[0]]
    for row in rows[:-1] if attributes.get("exclusive", 0) else rows[1:]:
        products.append(nodes.add("Mul", products[-1], row))
    products = products[::-1] if attributes.get("reverse", 0) else products
    nodes.add("Concat", *products, axis=axis, output=nodes.output())
    return nodes.made


MAX_CUMULATED = 256

REWRITES: dict[str, Rewrite] = {
    "LpNormalization": _lp_normalization,
    "ReverseSequence": _reverse_sequence,
    "Col2Im": _col2im,
    "Dropout": _dropout,
    "BatchNormalization": _batch_normalization,
    "Pow": _pow,
    "OneHot": _one_hot,
    "IsInf": _is_inf,
    "SpaceToDepth": _space_to_depth,
    "RoiAlign": _roi_align,
    "ReduceMax": _greatest,
    "ReduceMin": _greatest,
    "ConvTranspose": _conv_transpose,
    "CumProd": _cum_prod,
}
