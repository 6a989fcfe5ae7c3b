"""MXNet's operators that move and cut. Source: Apache MXNet 1.9 API, mx.sym."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neo_compiler.frontends.mxnet.file import Node
from neo_compiler.frontends.mxnet.operators import Operator, State, axis_of
from neo_compiler.input_config import Shape


def reshaped(shape: Shape, codes: list[int]) -> list[int]:
    """The sizes that MXNet's codes mean: 0 keep, -1 the rest, -2 all that follow, -3 merge two, -4 split one in two."""
    sizes: list[int] = []
    at, index = 0, 0
    while index < len(codes):
        code = codes[index]
        if code > 0 or code == -1:
            sizes.append(code)
            at += 1
        elif code == 0:
            sizes.append(shape[at])
            at += 1
        elif code == -2:
            sizes += shape[at:]
            at = len(shape)
        elif code == -3:
            sizes.append(shape[at] * shape[at + 1])
            at += 2
        elif code == -4:
            left, right = codes[index + 1 : index + 3]
            sizes += [left if left != -1 else shape[at] // right, right if right != -1 else shape[at] // left]
            at, index = at + 1, index + 2
        else:
            raise ValueError(f"shape code {code} is not available")
        index += 1
    if -1 in sizes:
        sizes[sizes.index(-1)] = math.prod(shape) // max(1, math.prod(size for size in sizes if size != -1))
    return sizes


def _reshape(state: State, node: Node, inputs: list[str]) -> str:
    shape = state.graph.shape(inputs[0])
    codes = node.integers("shape", []) or node.integers("target_shape")
    if node.flag("reverse"):
        return state.graph.reshape(inputs[0], reshaped(shape[::-1], codes[::-1])[::-1])
    return state.graph.reshape(inputs[0], reshaped(shape, codes))


def _reshape_like(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.reshape(inputs[0], state.graph.shape(inputs[1]))


def _flatten(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Flatten", inputs[0])


def _transpose(state: State, node: Node, inputs: list[str]) -> str:
    rank = len(state.graph.shape(inputs[0]))
    return state.graph.add("Transpose", inputs[0], perm=node.integers("axes", list(range(rank))[::-1]))


def _swap_axes(state: State, node: Node, inputs: list[str]) -> str:
    order = list(range(len(state.graph.shape(inputs[0]))))
    left, right = (axis_of(node.integer(key, 0), len(order)) for key in ("dim1", "dim2"))
    order[left], order[right] = order[right], order[left]
    return state.graph.add("Transpose", inputs[0], perm=order)


def _expand_dims(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Unsqueeze", inputs[0], state.graph.constant([node.integer("axis")], "int64"))


def _squeeze(state: State, node: Node, inputs: list[str]) -> str:
    shape = state.graph.shape(inputs[0])
    axes = node.integers("axis", [axis for axis, size in enumerate(shape) if size == 1])
    return state.graph.add("Squeeze", inputs[0], state.graph.constant(axes, "int64"))


def _concat(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Concat", *inputs, axis=node.integer("dim", 1))


def _stack(state: State, node: Node, inputs: list[str]) -> str:
    axis = state.graph.constant([node.integer("axis", 0)], "int64")
    return state.graph.add(
        "Concat", *(state.graph.add("Unsqueeze", name, axis) for name in inputs), axis=node.integer("axis", 0)
    )


def _split(state: State, node: Node, inputs: list[str]) -> list[str]:
    """SliceChannel: equal parts. _split_v2: equal parts, or parts that begin at `indices`."""
    graph, shape = state.graph, state.graph.shape(inputs[0])
    axis = axis_of(node.integer("axis", 1), len(shape))
    count = node.integer("num_outputs", 0) or node.integer("sections", 0)
    starts = [shape[axis] // count * part for part in range(count)] if count else node.integers("indices")
    ends = [*starts[1:], shape[axis]]
    parts = [graph.slice(inputs[0], axis, begin, end) for begin, end in zip(starts, ends, strict=True)]
    if node.flag("squeeze_axis"):
        parts = [graph.add("Squeeze", part, graph.constant([axis], "int64")) for part in parts]
    return parts


def _slice(state: State, node: Node, inputs: list[str]) -> str:
    made, shape = inputs[0], state.graph.shape(inputs[0])
    begins, ends = (_bounds(node.value(key, ())) for key in ("begin", "end"))
    steps = _bounds(node.value("step", ())) or [None] * len(begins)
    for axis, limits in enumerate(zip(begins, ends, steps, strict=True)):
        begin, end, step = slice(*limits).indices(shape[axis])
        if (begin, end, step) != (0, shape[axis], 1):
            made = state.graph.slice(made, axis, begin, end if end >= 0 else -shape[axis] - 1, step)
    return made


def _bounds(value: Any) -> list[int | None]:
    items = list(value) if isinstance(value, tuple | list) else [value]
    if not all(item is None or isinstance(item, int) for item in items):
        raise ValueError(f"{value!r} is no list of bounds")
    return items


def _slice_axis(state: State, node: Node, inputs: list[str]) -> str:
    shape = state.graph.shape(inputs[0])
    axis = axis_of(node.integer("axis"), len(shape))
    begin, end, _ = slice(node.integer("begin"), node.value("end", None)).indices(shape[axis])
    return state.graph.slice(inputs[0], axis, begin, end)


def _slice_like(state: State, node: Node, inputs: list[str]) -> str:
    made, wanted = inputs[0], state.graph.shape(inputs[1])
    rank = len(state.graph.shape(made))
    for axis in node.integers("axes", list(range(rank))):
        place = axis_of(axis, rank)
        made = state.graph.slice(made, place, 0, wanted[place])
    return made


def _pad(state: State, node: Node, inputs: list[str]) -> str:
    widths = node.integers("pad_width")
    pads = state.graph.constant([*widths[::2], *widths[1::2]], "int64")
    mode = node.text("mode", "constant")
    value = [state.graph.scalar(node.number("constant_value", 0.0), inputs[0])] if mode == "constant" else []
    return state.graph.add("Pad", inputs[0], pads, *value, mode=mode)


def _tile(state: State, node: Node, inputs: list[str]) -> str:
    counts, rank = node.integers("reps"), len(state.graph.shape(inputs[0]))
    wide = max(len(counts), rank)
    made = state.graph.reshape(inputs[0], [1] * (wide - rank) + list(state.graph.shape(inputs[0])))
    return state.graph.add("Tile", made, state.graph.constant([1] * (wide - len(counts)) + counts, "int64"))


def _repeat(state: State, node: Node, inputs: list[str]) -> str:
    made, axis, count = inputs[0], node.value("axis", None), node.integer("repeats")
    if axis is None:
        made, axis = state.graph.reshape(made, [-1]), 0
    size = state.graph.shape(made)[axis]
    return state.graph.add("Gather", made, state.graph.constant(np.repeat(np.arange(size), count)), axis=axis)


def _broadcast_to(state: State, node: Node, inputs: list[str]) -> str:
    shape = state.graph.shape(inputs[0])
    sizes = [size or own for size, own in zip(node.integers("shape"), shape, strict=True)]
    return state.graph.add("Expand", inputs[0], state.graph.constant(sizes, "int64"))


def _broadcast_axis(state: State, node: Node, inputs: list[str]) -> str:
    sizes = list(state.graph.shape(inputs[0]))
    for axis, size in zip(node.integers("axis"), node.integers("size"), strict=True):
        sizes[axis] = size
    return state.graph.add("Expand", inputs[0], state.graph.constant(sizes, "int64"))


def _broadcast_like(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Expand", inputs[0], state.graph.constant(state.graph.shape(inputs[1]), "int64"))


def _blocks(op: str) -> Operator:
    def convert(state: State, node: Node, inputs: list[str]) -> str:
        return state.graph.add(op, inputs[0], blocksize=node.integer("block_size"))

    return convert


def _reverse(state: State, node: Node, inputs: list[str]) -> str:
    made, shape = inputs[0], state.graph.shape(inputs[0])
    for axis in node.integers("axis"):
        made = state.graph.slice(made, axis, -1, -shape[axis] - 1, -1)
    return made


OPERATORS: dict[str, Operator] = {
    **dict.fromkeys(("Reshape", "reshape"), _reshape),
    **dict.fromkeys(("Flatten", "flatten"), _flatten),
    **dict.fromkeys(("SwapAxis", "swapaxes"), _swap_axes),
    **dict.fromkeys(("Concat", "concat", "_rnn_param_concat"), _concat),
    **dict.fromkeys(("SliceChannel", "split", "_split_v2"), _split),
    **dict.fromkeys(("slice", "crop", "_slice"), _slice),
    **dict.fromkeys(("Pad", "pad"), _pad),
    **dict.fromkeys(("broadcast_axis", "broadcast_axes"), _broadcast_axis),
    **dict.fromkeys(("reverse", "flip"), _reverse),
    "reshape_like": _reshape_like,
    "transpose": _transpose,
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "stack": _stack,
    "slice_axis": _slice_axis,
    "slice_like": _slice_like,
    "tile": _tile,
    "repeat": _repeat,
    "broadcast_to": _broadcast_to,
    "broadcast_like": _broadcast_like,
    "depth_to_space": _blocks("DepthToSpace"),
    "space_to_depth": _blocks("SpaceToDepth"),
}
