"""Pad in the forms that TVM's converter lacks: by nothing, by less than nothing, with a value that is computed.

Source: ONNX operators, Pad; TVM 0.27, relax.frontend.onnx.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode


def _pad(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    nodes = Nodes(node, types)
    pads = constant(nodes.input(1))
    if pads is None:
        return None
    if not np.any(pads):  # as in the body of Attention: TVM would copy it
        nodes.add("Identity", nodes.input(0), output=nodes.output())
        return nodes.made
    mode = nodes.attributes().get("mode", b"constant")
    axes = constant(nodes.input(3)) if nodes.input(3) else None
    if nodes.input(3) and axes is None:
        raise ValueError("Pad needs constant axes")
    if mode != b"constant":
        return _after_a_cut(nodes, _all_pads(nodes, pads, axes), mode) if np.any(pads < 0) else None
    if not nodes.input(2) or constant(nodes.input(2)) is not None:
        return None
    return _with_computed_value(nodes, _all_pads(nodes, pads, axes))


def _all_pads(nodes: Nodes, pads: Array, axes: Array | None) -> Array:
    """[2, rank]: what is added before and after each axis."""
    rank = len(nodes.shape(0))
    made: Array = np.zeros((2, rank), "int64")
    made[:, np.arange(rank) if axes is None else np.asarray(axes) % rank] = np.reshape(pads, (2, -1))
    return made


def _after_a_cut(nodes: Nodes, pads: Array, mode: bytes) -> list[OnnxNode]:
    """What is cut off does not come back as padding."""
    cut = np.minimum(pads, 0)
    limits = [nodes.constant(item, "int64") for item in (-cut[0], np.array(nodes.shape(0)) + cut[1])]
    rest = nodes.add("Slice", nodes.input(0), *limits)
    nodes.add("Pad", rest, nodes.constant(np.maximum(pads, 0).ravel(), "int64"), output=nodes.output(), mode=mode)
    return nodes.made


def _with_computed_value(nodes: Nodes, pads: Array) -> list[OnnxNode]:
    """The value wherever no element of the input lies."""
    shape = nodes.shape(0)
    inside = np.ones([size + low + high for size, low, high in zip(shape, *np.minimum(pads, 0), strict=True)], bool)
    inside = np.pad(inside, np.maximum(pads, 0).T)
    padded = nodes.add("Pad", nodes.input(0), nodes.constant(pads.ravel(), "int64"))
    nodes.add("Where", nodes.constant(inside, "bool"), padded, nodes.input(2), output=nodes.output())
    return nodes.made


REWRITES: dict[str, Rewrite] = {"Pad": _pad}
