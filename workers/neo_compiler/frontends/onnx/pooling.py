"""Pooling: the places of the greatest elements, which TVM lacks, and auto_pad and LpPool, which it has wrong.

Source: ONNX operators; ONNX Runtime, whose padding is negative where windows leave gaps at the border.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
from onnx import TensorProto

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode

MAX_WINDOW = 256
"""Elements of a window: each becomes a tensor of the size of the result."""


def _max_pool(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """With Indices where they are wanted."""
    if len(node.output) > 1 and node.output[1]:
        return _with_indices(node, types)
    return _average_pool(node, types, constant)


def _average_pool(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """auto_pad SAME written out as pads."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    if not attributes.get("auto_pad", b"").startswith(b"SAME"):
        return None
    window = _Window(nodes.shape(0), nodes.result_shape(0), attributes)
    value, less = nodes.input(0), [min(0, pad) for pad in window.pads]
    if any(less):
        value = nodes.add("Pad", value, nodes.constant(less, "int64"))
    rank = len(window.kernel)
    pads = [max(0, pad) for pad in (*window.pads[2 : 2 + rank], *window.pads[4 + rank :])]
    kept = {key: item for key, item in attributes.items() if key not in ("auto_pad", "ceil_mode")}
    nodes.add(node.op_type, value, output=nodes.output(), **kept | {"pads": pads})
    return nodes.made


def _lp_pool(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode]:
    """The root of the sum of powers, by an average of as many zeros as the windows reach over the border."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    window, dtype, p = (
        _Window(nodes.shape(0), nodes.result_shape(0), attributes),
        nodes.dtype(0),
        attributes.get("p", 2),
    )
    value = nodes.add("Abs", nodes.input(0))
    if any(window.pads):
        value = nodes.add("Pad", value, nodes.constant(window.pads, "int64"))
    powers = nodes.add("Pow", value, nodes.constant(p, dtype))
    kept = {key: attributes[key] for key in ("kernel_shape", "strides", "dilations") if key in attributes}
    mean = nodes.add("AveragePool", powers, **kept)
    total = nodes.add("Mul", mean, nodes.constant(math.prod(window.kernel), dtype))
    nodes.add("Pow", total, nodes.constant(1 / p, dtype), output=nodes.output())
    return nodes.made


def _with_indices(node: OnnxNode, types: Mapping[str, Any]) -> list[OnnxNode]:
    """Indices [N, C, ...], into the whole input, of the first greatest element of each window."""
    nodes = Nodes(node, types)
    attributes = nodes.attributes()
    by_columns = attributes.pop("storage_order", 0)
    window = _Window(nodes.shape(0), nodes.result_shape(0), attributes)
    if math.prod(window.kernel) > MAX_WINDOW:
        raise ValueError(
            f"Indices of windows of {math.prod(window.kernel)} elements; the most available is {MAX_WINDOW}"
        )
    last, padded = nodes.constant([-1], "int64"), nodes.input(0)
    if any(window.pads):
        padded = nodes.add("Pad", padded, nodes.constant(window.pads, "int64"))
    parts = [
        nodes.add("Unsqueeze", nodes.add("Slice", padded, *(nodes.constant(x, "int64") for x in window.part(at))), last)
        for at in window.places()
    ]
    elements, inside = nodes.add("Concat", *parts, axis=-1), nodes.constant(window.inside(), "bool")
    least = nodes.constant(_least(nodes.dtype(0)), nodes.dtype(0))
    within = nodes.add("Where", inside, elements, least) if any(window.pads) else elements
    greatest = nodes.add("ReduceMax", within, last, keepdims=0, output=node.output[0])
    hits = nodes.add("Equal", within, nodes.add("Unsqueeze", greatest, last))
    hits = nodes.add("And", hits, inside) if any(window.pads) else hits
    first = nodes.add("ArgMax", nodes.add("Cast", hits, to=TensorProto.INT32), axis=-1, keepdims=0)
    steps, starts = window.indices(bool(by_columns))
    nodes.add(
        "Add",
        nodes.add("Gather", nodes.constant(steps, "int64"), first),
        nodes.constant(starts, "int64"),
        output=node.output[1],
    )
    return nodes.made


def _least(dtype: str) -> float:
    return -math.inf if "float" in dtype else float(np.iinfo(dtype).min)


class _Window:
    """Where the windows of a pooling lie."""

    def __init__(self, shape: list[int], result: list[int], attributes: Mapping[str, Any]) -> None:
        self._shape, self._result = shape, result
        self.kernel: list[int] = list(attributes["kernel_shape"])
        rank = len(self.kernel)
        self._strides = attributes.get("strides", [1] * rank)
        self._dilations = attributes.get("dilations", [1] * rank)
        self._begins = self._starts(attributes)
        needed = [
            (result[2 + a] - 1) * self._strides[a] + (self.kernel[a] - 1) * self._dilations[a] + 1 for a in range(rank)
        ]
        ends = [max(0, needed[a] - shape[2 + a] - self._begins[a]) for a in range(rank)]
        self.pads = [0, 0, *self._begins, 0, 0, *ends]

    def _starts(self, attributes: Mapping[str, Any]) -> list[int]:
        """The padding before each axis."""
        rank, mode = len(self.kernel), attributes.get("auto_pad", b"NOTSET")
        if mode in (b"NOTSET", b""):
            return list(attributes.get("pads", [0] * 2 * rank)[:rank])
        totals = [
            (-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size
            for size, stride, kernel, dilation in zip(
                self._shape[2:], self._strides, self.kernel, self._dilations, strict=True
            )
        ]
        if mode == b"VALID":
            return [0] * rank
        return [int(total / 2) if mode == b"SAME_UPPER" else int((total + 1) / 2) for total in totals]

    def places(self) -> list[tuple[int, ...]]:
        """Each element of a window."""
        return list(product(*(range(size) for size in self.kernel)))

    def part(self, at: tuple[int, ...]) -> tuple[list[int], list[int], list[int], list[int]]:
        """Starts, ends, axes and steps of a Slice: that element of all windows."""
        rank = len(at)
        starts = [at[a] * self._dilations[a] for a in range(rank)]
        ends = [starts[a] + (self._result[2 + a] - 1) * self._strides[a] + 1 for a in range(rank)]
        return starts, ends, [2 + a for a in range(rank)], list(self._strides)

    def inside(self) -> Array:
        """[..., elements]: whether an element of a window lies in the image."""
        rank = len(self.kernel)
        inside: Array = np.ones([*self._result[2:], *self.kernel], bool)
        for a in range(rank):
            rows = np.arange(self._result[2 + a]) * self._strides[a] - self._begins[a]
            at = rows[:, None] + np.arange(self.kernel[a]) * self._dilations[a]
            sizes = [1] * 2 * rank
            sizes[a], sizes[rank + a] = at.shape
            inside &= ((at >= 0) & (at < self._shape[2 + a])).reshape(sizes)
        return inside.reshape(*self._result[2:], -1)

    def indices(self, by_columns: bool) -> tuple[Array, Array]:
        """What each element of a window adds to the index of its start, and those starts [N, C, ...]."""
        sizes = self._shape[2:]
        units = [math.prod(sizes[:a] if by_columns else sizes[a + 1 :]) for a in range(len(sizes))]
        steps = [sum(at[a] * self._dilations[a] * units[a] for a in range(len(at))) for at in self.places()]
        n, c = self._shape[:2]
        starts: Array = (np.arange(n * c) * math.prod(sizes)).reshape(n, c, *[1] * len(sizes))
        for a, unit in enumerate(units):
            rows = (np.arange(self._result[2 + a]) * self._strides[a] - self._begins[a]) * unit
            starts = starts + rows.reshape([-1 if axis == 2 + a else 1 for axis in range(2 + len(sizes))])
        return np.array(steps, "int64"), starts


def _max_unpool(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    if Nodes(node, types).input(2):
        raise ValueError("output_shape is not available")
    return None


REWRITES: dict[str, Rewrite] = {
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "LpPool": _lp_pool,
    "MaxUnpool": _max_unpool,
}
