"""MXNet's operators that make, pick and sort values. Source: Apache MXNet 1.9 API, mx.sym."""

from __future__ import annotations

import math

import numpy as np

from neo_compiler.frontends.mxnet.file import Node
from neo_compiler.frontends.mxnet.operators import Operator, State, axis_of


def _filled(value: float, like: bool) -> Operator:
    def convert(state: State, node: Node, inputs: list[str]) -> str:
        shape = list(state.graph.shape(inputs[0])) if like else node.integers("shape")
        if 0 in shape:  # an initial state whose batch MXNet would infer: recurrent layers begin with zeros anyway
            return ""
        number = node.number("value", value)
        return state.graph.constant(np.full(shape, number, "float32" if not like else state.graph.dtype(inputs[0])))

    return convert


def _arange(state: State, node: Node, inputs: list[str]) -> str:
    start, stop = node.number("start", 0.0), node.value("stop", None)
    begin, end = (0.0, start) if stop is None else (start, stop)
    values = np.repeat(np.arange(begin, end, node.number("step", 1.0)), node.integer("repeat", 1))
    dtype = node.text("dtype", "float32")
    return state.graph.constant(values, "float32" if dtype == "float16" else dtype)


def _arange_like(state: State, node: Node, inputs: list[str]) -> str:
    shape, axis = state.graph.shape(inputs[0]), node.value("axis", None)
    count = math.prod(shape) if axis is None else shape[axis]
    values = node.number("start", 0.0) + node.number("step", 1.0) * np.arange(count)
    return state.graph.constant(values.reshape(shape if axis is None else -1), "float32")


def _embedding(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Gather", inputs[1], _indices(state, inputs[0], state.graph.shape(inputs[1])[0]))


def _take(state: State, node: Node, inputs: list[str]) -> str:
    axis = node.integer("axis", 0)
    if node.text("mode", "clip") != "clip":
        raise ValueError(f"mode={node.text('mode', '')} is not available")
    return state.graph.add(
        "Gather", inputs[0], _indices(state, inputs[1], state.graph.shape(inputs[0])[axis]), axis=axis
    )


def _indices(state: State, name: str, size: int) -> str:
    """As int64; those outside are the nearest that exist."""
    graph = state.graph
    whole = graph.cast(name, "int64")
    return graph.add("Clip", whole, graph.constant(0, "int64"), graph.constant(size - 1, "int64"))


def _pick(state: State, node: Node, inputs: list[str]) -> str:
    graph = state.graph
    shape = graph.shape(inputs[0])
    axis = axis_of(node.integer("axis", -1), len(shape))
    kept = [1 if place == axis else size for place, size in enumerate(shape)]
    chosen = graph.add(
        "GatherElements", inputs[0], graph.reshape(_indices(state, inputs[1], shape[axis]), kept), axis=axis
    )
    return chosen if node.flag("keepdims") else graph.add("Squeeze", chosen, graph.constant([axis], "int64"))


def _one_hot(state: State, node: Node, inputs: list[str]) -> str:
    graph = state.graph
    values = graph.constant([node.number("off_value", 0.0), node.number("on_value", 1.0)], "float32")
    depth = graph.constant(node.integer("depth"), "int64")
    return graph.add("OneHot", graph.cast(inputs[0], "int64"), depth, values, axis=-1)


def _where(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Where", state.graph.cast(inputs[0], "bool"), *inputs[1:])


def _arg(op: str) -> Operator:
    def convert(state: State, node: Node, inputs: list[str]) -> str:
        axis, keep = node.value("axis", None), int(node.flag("keepdims"))
        name = inputs[0] if axis is not None else state.graph.reshape(inputs[0], [-1])
        return state.graph.cast(state.graph.add(op, name, axis=axis or 0, keepdims=keep), "float32")

    return convert


def _topk(state: State, node: Node, inputs: list[str]) -> str | list[str]:
    graph, shape = state.graph, state.graph.shape(inputs[0])
    axis = axis_of(node.integer("axis", -1), len(shape))
    kind = node.text("ret_typ", "indices" if node.op != "sort" else "value")
    ascending = node.flag("is_ascend", default=node.op != "topk")
    count = (node.integer("k", 1) if node.op == "topk" else 0) or shape[axis]
    values, places = graph.add_many(
        "TopK", 2, inputs[0], graph.constant([count], "int64"), axis=axis, largest=int(not ascending)
    )
    indices = graph.cast(places, node.text("dtype", "float32"))
    if kind not in ("value", "indices", "both"):
        raise ValueError(f"ret_typ={kind} is not available")
    return {"value": values, "indices": indices}.get(kind) or [values, indices]


OPERATORS: dict[str, Operator] = {
    **{name: _filled(0, like=False) for name in ("_zeros", "zeros")},
    **{name: _filled(1, like=False) for name in ("_ones", "ones", "_full")},
    **{name: _filled(0, like=True) for name in ("zeros_like", "_zeros_like")},
    **{name: _filled(1, like=True) for name in ("ones_like", "_ones_like")},
    **dict.fromkeys(("topk", "sort", "argsort"), _topk),
    "_arange": _arange,
    "_contrib_arange_like": _arange_like,
    "Embedding": _embedding,
    "take": _take,
    "pick": _pick,
    "one_hot": _one_hot,
    "where": _where,
    "argmax": _arg("ArgMax"),
    "argmin": _arg("ArgMin"),
}
