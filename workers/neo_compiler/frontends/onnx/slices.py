"""Parts of values that TVM's converters refuse: parts without elements, sequences of parts, the distinct ones.

Source: ONNX operators, Slice, SplitToSequence and Unique; TVM 0.27, relax.frontend.onnx.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode

MAX_PARTS = 256


def _slice(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Where the end lies before the start nothing is left; TVM wants it not to."""
    nodes = Nodes(node, types)
    starts, ends, axes, steps = (constant(nodes.input(place)) if nodes.input(place) else None for place in range(1, 5))
    if starts is None or ends is None or (axes is None and nodes.input(3)) or (steps is None and nodes.input(4)):
        return None
    shape, result = nodes.shape(0), nodes.result_shape(0)
    axes = np.arange(len(starts)) if axes is None else axes % len(shape)
    given = [starts, ends, np.ones(len(starts), "int64") if steps is None else steps]
    none = np.array([result[axis] == 0 for axis in axes])
    made = [np.where(none, number, item) for number, item in zip((0, 0, 1), given, strict=True)]
    if all(np.array_equal(*pair) for pair in zip(given, made, strict=True)):
        return None
    numbers = [nodes.constant(item, "int64") for item in (made[0], made[1], axes, made[2])]
    nodes.add("Slice", nodes.input(0), *numbers, output=nodes.output())
    return nodes.made


def _split(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Into parts of which one has no elements: TVM cuts at different places only."""
    nodes = Nodes(node, types)
    sizes = constant(nodes.input(1)) if nodes.input(1) else None
    if sizes is None or np.all(sizes):
        return None
    axis = nodes.constant([nodes.attributes().get("axis", 0)], "int64")
    ends = np.cumsum(sizes)
    for name, start, end in zip(node.output, ends - sizes, ends, strict=True):
        limits = [nodes.constant([place], "int64") for place in (start, end)]
        if name:
            nodes.add("Slice", nodes.input(0), *limits, axis, output=name)
    return nodes.made


def _split_to_sequence(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    """A sequence of slices."""
    nodes = Nodes(node, types)
    attributes, shape = nodes.attributes(), nodes.shape(0)
    given = constant(nodes.input(1)) if nodes.input(1) else None
    if given is None and nodes.input(1):
        raise ValueError("SplitToSequence needs a constant split")
    axis = attributes.get("axis", 0) % len(shape)
    ends = _ends(shape[axis], given)
    if len(ends) > MAX_PARTS:
        raise ValueError(f"SplitToSequence into {len(ends)} parts; the most available is {MAX_PARTS}")
    axes = nodes.constant([axis], "int64")
    parts = []
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        limits = [nodes.constant([place], "int64") for place in (start, end)]
        part = nodes.add("Slice", nodes.input(0), *limits, axes)
        alone = given is None and not attributes.get("keepdims", 1)
        parts.append(nodes.add("Squeeze", part, axes) if alone else part)
    nodes.add("SequenceConstruct", *parts, output=nodes.output())
    return nodes.made


def _ends(size: int, split: Array | None) -> list[int]:
    """Where the parts of an axis end: parts of 1 without a split, of one size with a number, of the sizes in a list."""
    if split is not None and split.ndim:
        return [int(end) for end in np.cumsum(split)]
    step = 1 if split is None else int(split)
    return [min(start + step, size) for start in range(0, size, step)]


def _unique(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Without an axis of all values in a row; TVM's inverse has the shape of the input."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    if "axis" in attributes or len(nodes.shape(0)) == 1:
        return None
    row = nodes.add("Reshape", nodes.input(0), nodes.constant([-1], "int64"))
    nodes.add_all("Unique", [row], list(node.output), **attributes)
    return nodes.made


def _top_k(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """In any order, sorted is one; TVM has no other."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    if attributes.pop("sorted", 1):
        return None
    nodes.add_all("TopK", list(node.input), list(node.output), **attributes)
    return nodes.made


REWRITES: dict[str, Rewrite] = {
    "Slice": _slice,
    "Split": _split,
    "SplitToSequence": _split_to_sequence,
    "TopK": _top_k,
    "Unique": _unique,
}
