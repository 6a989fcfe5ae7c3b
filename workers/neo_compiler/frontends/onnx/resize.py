"""Resize: what TVM does not read of it written out, and what TVM computes otherwise done by weights of our own.

Source: ONNX operators. TVM takes the scale to be output / input, where ONNX says that it is as given, rounds other
halves, resizes images only, and has no antialias and no half_pixel_symmetric.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import helper
from onnx.reference import ReferenceEvaluator

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.frontends.onnx.opset import OPSET
from neo_compiler.frontends.onnx.sampling import Sampling
from neo_compiler.tvm_types import OnnxNode

MAX_WEIGHTS = 1 << 18
"""The most weights of one axis: ONNX's evaluator, which makes them, takes some 10 us for each."""

LINEAR_INTEGERS = ("uint8", "int8", "int32")


def _resize(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    nodes = Nodes(node, types)
    attributes, shape = nodes.attributes(), nodes.shape(0)
    policy = attributes.pop("keep_aspect_ratio_policy", b"stretch").decode()
    axes = attributes.pop("axes", None)
    roi, scales, sizes = (_given(nodes, place, constant) for place in (1, 2, 3))
    if scales is None and sizes is None:
        raise ValueError("Resize needs constant sizes or scales")
    places = [axis % len(shape) for axis in axes] if axes is not None else list(range(len(shape)))
    if sizes is not None:
        factors, results = _scales(shape, places, sizes, policy), _sizes(shape, places, sizes, policy)
    else:
        factors = [] if scales is None else scales.tolist()
        results = _results(shape, places, factors)
    if 0 in results:
        raise ValueError("a result without elements is not available")
    crops = attributes.get("coordinate_transformation_mode") == b"tf_crop_and_resize"
    if results == shape and not crops:  # ONNX Runtime copies, whatever the scales are
        nodes.add("Identity", nodes.input(0), output=nodes.output())
        return nodes.made
    if attributes.get("antialias", 0):
        return _by_weights(nodes, attributes, dict(zip(places, factors, strict=True)))
    _check_type(nodes, attributes)
    if crops and roi is not None and attributes.get("mode", b"nearest") == b"nearest":
        return _nearest_of_boxes(
            nodes, attributes, results, dict(zip(places, zip(*np.split(roi, 2), strict=True), strict=True))
        )
    samplings = {} if crops else _samplings(attributes, shape, dict(zip(places, factors, strict=True)), results)
    if any(item.disputed() for item in samplings.values()):
        raise ValueError("half_pixel_symmetric is not available with floor or ceil of whole places: rounding decides")
    if not _is_tvms(results, samplings):
        return _by_taps(nodes, samplings)
    if axes is None and policy == "stretch" and not (nodes.input(2) and sizes is not None):
        return None
    whole_roi = ""
    if roi is not None:
        starts, ends = np.zeros(len(shape)), np.ones(len(shape))
        starts[places], ends[places] = np.split(np.asarray(roi), 2)
        whole_roi = nodes.constant([*starts, *ends], nodes.dtype(1))
    target = nodes.constant(results, "int64")
    nodes.add("Resize", nodes.input(0), whole_roi, "", target, output=nodes.output(), **attributes)
    return nodes.made


def _check_type(nodes: Nodes, attributes: Mapping[str, Any]) -> None:
    """Interpolated integers are rounded in no agreed way; ONNX Runtime has them in mode linear of these types."""
    mode, dtype = attributes.get("mode", b"nearest").decode(), nodes.dtype(0)
    if (
        "float" not in dtype
        and mode != "nearest"
        and (mode, dtype) not in {("linear", kind) for kind in LINEAR_INTEGERS}
    ):
        raise ValueError(f"mode {mode} is not available for {dtype}")


def _nearest_of_boxes(
    nodes: Nodes, attributes: Mapping[str, Any], results: list[int], boxes: Mapping[int, tuple[float, float]]
) -> list[OnnxNode]:
    """tf_crop_and_resize; what lies beyond the image has the extrapolation_value."""
    rounding = attributes.get("nearest_mode", b"round_prefer_floor").decode()
    shape, outside, value = nodes.shape(0), np.zeros(results, bool), nodes.input(0)
    for axis, (begin, end) in boxes.items():
        box = float(begin), float(end)
        sampling = Sampling(shape[axis], results[axis], 1, "nearest", "tf_crop_and_resize", rounding, box=box)
        sizes = [-1 if place == axis else 1 for place in range(len(shape))]
        outside |= sampling.outside().reshape(sizes)
        if sampling.changes():
            places = nodes.constant(sampling.taps()[0][0], "int64")
            value = nodes.add("Gather", value, places, axis=axis)
    if outside.any():
        beyond = nodes.constant(attributes.get("extrapolation_value", 0.0), nodes.dtype(0))
        value = nodes.add("Where", nodes.constant(outside, "bool"), beyond, value)
    nodes.add("Identity", value, output=nodes.output())
    return nodes.made


def _samplings(
    attributes: Mapping[str, Any], shape: list[int], scales: Mapping[int, float], results: list[int]
) -> dict[int, Sampling]:
    """What happens to each axis that is another afterwards."""
    mode, counting, rounding = (
        attributes.get(key, default).decode()
        for key, default in (
            ("mode", b"nearest"),
            ("coordinate_transformation_mode", b"half_pixel"),
            ("nearest_mode", b"round_prefer_floor"),
        )
    )
    cubic, exclude = attributes.get("cubic_coeff_a", -0.75), bool(attributes.get("exclude_outside", 0))
    made = {
        axis: Sampling(shape[axis], results[axis], scale, mode, counting, rounding, cubic, exclude)
        for axis, scale in scales.items()
    }
    return {axis: item for axis, item in made.items() if item.changes()}


def _is_tvms(results: list[int], samplings: Mapping[int, Sampling]) -> bool:
    """Whether TVM has this form and computes it as ONNX Runtime does. Corners of one element make it divide by 0."""
    if len(results) not in (3, 4, 5):
        return not samplings
    corners = any(item.counting == "align_corners" for item in samplings.values()) and 1 in results[2:]
    return not corners and all(axis > 1 and item.as_tvm_does() for axis, item in samplings.items())


def _by_taps(nodes: Nodes, samplings: Mapping[int, Sampling]) -> list[OnnxNode]:
    """Axis by axis: the sum of a few elements, each with its weight."""
    value, dtype, rank = nodes.input(0), nodes.dtype(0), len(nodes.shape(0))
    for axis, sampling in samplings.items():
        parts = []
        for places, weights in sampling.taps():
            part = nodes.add("Gather", value, nodes.constant(places, "int64"), axis=axis)
            if sampling.mode != "nearest":
                if "float" not in dtype:
                    raise ValueError(f"this form is not available for {dtype}")
                sizes = [-1 if place == axis else 1 for place in range(rank)]
                part = nodes.add("Mul", part, nodes.constant(weights.reshape(sizes), dtype))
            parts.append(part)
        value = parts[0]
        for part in parts[1:]:
            value = nodes.add("Add", value, part)
    nodes.add("Identity", value, output=nodes.output())
    return nodes.made


def _given(nodes: Nodes, place: int, constant: Constant) -> Array | None:
    """A constant input, None where there is none or it is empty."""
    value = constant(nodes.input(place)) if nodes.input(place) else None
    return value if value is not None and value.size else None


def _by_weights(nodes: Nodes, attributes: dict[str, Any], scales: dict[int, float]) -> list[OnnxNode]:
    """With antialias, axis by axis: what ONNX's evaluator makes of the unit vectors are the weights of a product."""
    if attributes.get("coordinate_transformation_mode") == b"tf_crop_and_resize":
        raise ValueError("antialias with tf_crop_and_resize is not available")
    shape, dtype = nodes.shape(0), nodes.dtype(0)
    if "float" not in dtype:
        raise ValueError(f"this form is not available for {dtype}")
    value = nodes.input(0)
    changed = {axis: scale for axis, scale in scales.items() if scale != 1}
    for axis, scale in changed.items():
        weights = _weights(attributes, shape[axis], scale)
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


def _results(shape: list[int], axes: list[int], scales: list[float]) -> list[int]:
    """All sizes of the result; what is less than one is cut off."""
    made = list(shape)
    for axis, scale in zip(axes, scales, strict=True):
        made[axis] = int(np.float32(shape[axis]) * np.float32(scale))
    return made


def _sizes(shape: list[int], axes: list[int], sizes: Array, policy: str) -> list[int]:
    """All sizes of the result."""
    made = list(shape)
    for axis, size, scale in zip(axes, sizes, _scales(shape, axes, sizes, policy), strict=True):
        made[axis] = int(size) if policy == "stretch" else int(np.floor(scale * shape[axis] + 0.5))
    return made


REWRITES: dict[str, Rewrite] = {"Resize": _resize}
