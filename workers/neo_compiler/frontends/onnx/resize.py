"""Resize: what TVM does not read of it written out, and what TVM computes otherwise done by weights of our own.

Source: ONNX operators. TVM takes the scale to be output / input, where ONNX says that it is as given; it has no
antialias and no half_pixel_symmetric.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.nodes import Constant, Node, Nodes, Rewrite
from neo_compiler.frontends.onnx.opset import OPSET

MAX_WEIGHTS = 1 << 18
"""The most weights of one axis: ONNX's evaluator, which makes them, takes some 10 us for each."""


def _resize(node: Node, types: Mapping[str, Any], constant: Constant) -> list[Node] | None:
    nodes = Nodes(node, types)
    attributes, shape = nodes.attributes(), nodes.shape(0)
    policy = attributes.pop("keep_aspect_ratio_policy", b"stretch").decode()
    axes = attributes.pop("axes", None)
    roi, scales, sizes = (_given(nodes, place, constant) for place in (1, 2, 3))
    if scales is None and sizes is None:
        raise ValueError("Resize needs constant sizes or scales")
    places = [axis % len(shape) for axis in axes] if axes is not None else list(range(len(shape)))
    if _needs_weights(attributes, shape, places, scales if sizes is None else None):
        factors: Any = scales if sizes is None else _scales(shape, places, sizes, policy)
        return _by_weights(nodes, attributes, dict(zip(places, map(float, factors), strict=True)))
    if axes is None and policy == "stretch":
        return None
    whole_roi = ""
    if roi is not None:
        starts, ends = np.zeros(len(shape)), np.ones(len(shape))
        starts[places], ends[places] = np.split(np.asarray(roi), 2)
        whole_roi = nodes.constant([*starts, *ends], nodes.dtype(1))
    inputs = [nodes.input(0), whole_roi]
    if sizes is not None:
        inputs += ["", nodes.constant(_sizes(shape, places, sizes, policy), "int64")]
    else:
        full = np.ones(len(shape))
        full[places] = scales
        inputs.append(nodes.constant(full, "float32"))
    nodes.add("Resize", *inputs, output=nodes.output(), **attributes)
    return nodes.made


def _given(nodes: Nodes, place: int, constant: Constant) -> Array | None:
    """A constant input, None where there is none or it is empty."""
    value = constant(nodes.input(place)) if nodes.input(place) else None
    return value if value is not None and value.size else None


def _needs_weights(attributes: Mapping[str, Any], shape: list[int], places: list[int], scales: Array | None) -> bool:
    """Whether TVM would leave something out: antialias, a way of counting, or scales that are not output / input."""
    mode = attributes.get("coordinate_transformation_mode", b"half_pixel")
    if attributes.get("antialias", 0) or mode == b"half_pixel_symmetric":
        return True
    if scales is None or mode == b"tf_crop_and_resize":
        return False
    return any(
        abs(shape[axis] * scale - round(shape[axis] * scale)) > 1e-5 * shape[axis]
        for axis, scale in zip(places, map(float, scales), strict=True)
    )


def _by_weights(nodes: Nodes, attributes: dict[str, Any], scales: dict[int, float]) -> list[Node]:
    """Axis by axis: what ONNX's evaluator makes of the unit vectors are the weights of a product."""
    if attributes.get("coordinate_transformation_mode") == b"tf_crop_and_resize":
        raise ValueError("antialias with tf_crop_and_resize is not available")
    shape, dtype = nodes.shape(0), nodes.dtype(0)
    if "float" not in dtype:
        raise ValueError(f"this form is not available for {dtype}")
    value = nodes.input(0)
    changed = {axis: scale for axis, scale in scales.items() if scale != 1}
    for axis, scale in changed.items():
        weights = _weights(attributes, shape[axis], scale)
        if attributes.get("mode", b"nearest") == b"nearest":
            value = nodes.add("Gather", value, nodes.constant(weights.argmax(0), "int64"), axis=axis)
            continue
        order = [place for place in range(len(shape)) if place != axis] + [axis]
        last = nodes.add("Transpose", value, perm=order)
        product = nodes.add("MatMul", last, nodes.constant(weights, dtype))
        value = nodes.add("Transpose", product, perm=[int(place) for place in np.argsort(order)])
    nodes.add("Identity", value, output=nodes.output())
    return nodes.made


def _weights(attributes: dict[str, Any], size: int, scale: float) -> Array:
    """[size, result]: the part of each place of an axis in each place of the result."""
    if size * max(size, size * scale) > MAX_WEIGHTS:
        raise ValueError(f"this form is available for axes of up to {int(MAX_WEIGHTS**0.5)} places, not {size}")
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], **attributes)
    graph = helper.make_graph(
        [node],
        "weights",
        [helper.make_tensor_value_info("x", 1, [size]), helper.make_tensor_value_info("scales", 1, [1])],
        [helper.make_tensor_value_info("y", 1, None)],
    )
    evaluator = ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]))
    scales = np.array([scale], "float32")
    rows = [evaluator.run(None, {"x": row, "scales": scales})[0] for row in np.eye(size, dtype="float32")]
    return np.stack(rows)


def _scales(shape: list[int], axes: list[int], sizes: Array, policy: str) -> list[float]:
    """The scale of each axis: one for all unless they may stretch."""
    ratios = [int(size) / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
    scale = {"not_larger": min, "not_smaller": max}.get(policy)
    return ratios if scale is None else [scale(ratios)] * len(ratios)


def _sizes(shape: list[int], axes: list[int], sizes: Array, policy: str) -> list[int]:
    """All sizes of the result."""
    made = list(shape)
    for axis, size, scale in zip(axes, sizes, _scales(shape, axes, sizes, policy), strict=True):
        made[axis] = int(size) if policy == "stretch" else int(np.floor(scale * shape[axis] + 0.5))
    return made


REWRITES: dict[str, Rewrite] = {"Resize": _resize}
