"""What operators of older opsets are in the newest: a row in RULES for each change that is more than a wider type.

Source: ONNX operators, each version of them. Opset 7 and later are compared with ONNX Runtime, which runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from neo_compiler.frontends.onnx import old_resize
from neo_compiler.frontends.onnx.old_node import OldNode, Rule


def _with_inputs(*keys: str) -> Callable[[OldNode], None]:
    """Whole numbers that were attributes are inputs, after those that there are."""

    def change(node: OldNode) -> None:
        attributes = node.attributes()
        moved = [_vector(node, attributes.pop(key)) if key in attributes else "" for key in keys]
        node.become(node.op(), *node.inputs(), *moved, **attributes)

    return change


def _vector(node: OldNode, numbers: int | Sequence[int]) -> str:
    return node.constant(np.atleast_1d(numbers), "int64")


def _without(*keys: str) -> Callable[[OldNode], None]:
    """Attributes that said nothing, or nothing any more."""

    def change(node: OldNode) -> None:
        kept = {key: value for key, value in node.attributes().items() if key not in keys}
        node.become(node.op(), *node.inputs(), **kept)

    return change


def _with_attributes(**defaults: Any) -> Callable[[OldNode], None]:
    """Attributes whose default was another, or that did not exist and now have a default that means something else."""

    def change(node: OldNode) -> None:
        node.become(node.op(), *node.inputs(), **(defaults | node.attributes()))

    return change


def _arithmetic(node: OldNode) -> None:
    """The second operand's first axis lay at `axis` of the first operand: it gets axes of size 1 behind its own."""
    attributes = node.attributes()
    second = node.input(1)
    if attributes.get("broadcast", 0) and "axis" in attributes:
        rank, mine = node.rank(0), node.rank(1)
        missing = rank - mine - attributes["axis"] % max(rank, 1)
        if missing > 0:
            second = node.add("Unsqueeze", second, node.constant([mine + k for k in range(missing)], "int64"))
    node.become(node.op(), node.input(0), second)


def _prelu(node: OldNode) -> None:
    """A slope for each channel, that is for each place of axis 1."""
    slope = node.input(1)
    if node.rank(1) == 1 and node.shape(1) != [1] and node.rank(0) > 2:
        slope = node.add("Unsqueeze", slope, node.constant(list(range(1, node.rank(0) - 1)), "int64"))
    node.become("PRelu", node.input(0), slope)


def _batch_normalization(node: OldNode) -> None:
    """With spatial 0 each place of an image has numbers of its own."""
    attributes = node.attributes()
    if any(node.outputs()[1:]):
        raise ValueError("training is not available")
    if attributes.get("spatial", 1):
        kept = {key: value for key, value in attributes.items() if key in ("epsilon", "momentum")}
        node.become("BatchNormalization", *node.inputs(), **kept)
        return
    x, scale, bias, mean, variance = node.inputs()
    safe = node.add("Add", variance, node.like(attributes.get("epsilon", 1e-5), 4))
    factor = node.add("Div", scale, node.add("Sqrt", safe))
    node.become("Add", node.add("Mul", node.add("Sub", x, mean), factor), bias)


def _cast(node: OldNode) -> None:
    """The type was a text."""
    node.become("Cast", node.input(0), to=TensorProto.DataType.Value(node.attributes()["to"].decode().upper()))


def _clip(node: OldNode) -> None:
    """From opset 6 on a bound that was not given was the most that float32 holds, so infinity became that."""
    attributes, most = node.attributes(), float(np.finfo("float32").max)
    ends = {"min": -most, "max": most} if node.opset >= 6 and _holds(node, most) else {}
    bounds = [{**ends, **attributes}.get(key) for key in ("min", "max")]
    node.become("Clip", node.input(0), *("" if bound is None else node.like(bound, 0) for bound in bounds))


def _holds(node: OldNode, most: float) -> bool:
    """Whether the node's type has that number."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.array(most).astype(node.dtype(0))))


def _dropout(node: OldNode) -> None:
    """Nothing is dropped; ONNX Runtime's mask, which says what was, has no true element."""
    if node.opset < 7 and not node.attributes().get("is_test", 0):
        raise ValueError("its is_test is 0, training is not available")
    x, (y, *mask) = node.input(0), node.outputs()
    node.add("Identity", x, output=y)
    if mask and mask[0]:
        kind = node.kind(0) if node.opset < 10 else TensorProto.BOOL
        none = helper.make_tensor("none", kind, [1], [0])
        node.add("ConstantOfShape", node.add("Shape", x), output=mask[0], value=none)


def _gru(node: OldNode) -> None:
    attributes = {"direction": b"forward"} | node.attributes()
    attributes.pop("output_sequence", None)
    node.become(node.op(), *node.inputs(), **attributes)


def _whole_p(node: OldNode) -> None:
    """The order of the norm was a fraction."""
    attributes = node.attributes()
    p = attributes.pop("p", 2.0)
    if int(p) != p:
        raise ValueError(f"p = {p} is not available")
    node.become(node.op(), node.input(0), p=int(p), **attributes)


def _grid_sample(node: OldNode) -> None:
    attributes = {"mode": b"bilinear"} | node.attributes()
    attributes["mode"] = {b"bilinear": b"linear", b"bicubic": b"cubic"}.get(attributes["mode"], attributes["mode"])
    node.become("GridSample", *node.inputs(), **attributes)


def _group_normalization(node: OldNode) -> None:
    """Scale and bias were those of groups, and are those of channels."""
    attributes = node.attributes()
    channels = node.add("Shape", node.input(0), start=1, end=2)
    groups = node.constant([attributes["num_groups"]], "int64")
    size = node.add("Concat", groups, node.add("Div", channels, groups), axis=0)
    last, flat = node.constant([1], "int64"), node.constant([-1], "int64")
    spread = [
        node.add("Reshape", node.add("Expand", node.add("Unsqueeze", name, last), size), flat)
        for name in node.inputs()[1:]
    ]
    node.become("GroupNormalization", node.input(0), *spread, **attributes)


def _softmax(node: OldNode) -> None:
    """Over all axes from `axis` on at once."""
    attributes = node.attributes()
    axis = attributes.get("axis", 1)
    x, rank = node.input(0), node.known_rank(0)
    if rank and axis % rank == rank - 1:
        node.become(node.op(), x, axis=-1)
        return
    flat = node.add(node.op(), node.add("Flatten", x, axis=axis), axis=-1)
    node.become("Reshape", flat, node.add("Shape", x))


def _pad(node: OldNode) -> None:
    attributes = node.attributes()
    pads = attributes.get("pads", attributes.get("paddings"))
    mode = attributes.get("mode", b"constant")
    value = node.like(attributes.get("value", 0.0), 0) if mode == b"constant" else ""
    node.become("Pad", node.input(0), node.constant(pads, "int64"), value, mode=mode)


def _split(node: OldNode) -> None:
    """Sizes that are not given are equal, which is said by how many there are."""
    attributes = {"axis": 0} | node.attributes()
    sizes = node.input(1)
    if "split" in attributes:
        sizes = node.constant(attributes.pop("split"), "int64")
    elif sizes and node.opset < 2:
        sizes = node.add("Cast", sizes, to=TensorProto.INT64)
    if not sizes:
        attributes["num_outputs"] = len(node.outputs())
    node.become("Split", node.input(0), sizes, **attributes)


def _tile(node: OldNode) -> None:
    """One axis is repeated."""
    rank = node.add("Size", node.add("Shape", node.input(0)))
    zero, one = node.constant(0, "int64"), node.constant(1, "int64")
    mine = node.add("Equal", node.add("Range", zero, rank, one), node.add("Cast", node.input(2), to=TensorProto.INT64))
    times = node.add("Cast", node.input(1), to=TensorProto.INT64)
    node.become("Tile", node.input(0), node.add("Where", mine, times, one))


def _scan(node: OldNode) -> None:
    """All values had a batch as their first axis: a Scan over the batch, whose body is a Scan of now."""
    attributes = node.attributes()
    if node.input(0):
        raise ValueError("sequence_lens is not available")
    given = node.inputs()[1:]
    inner = [node.inner(f"in{place}") for place in range(len(given))]
    made = [node.inner(f"out{place}") for place in range(len(node.outputs()))]
    once = {"body": attributes["body"], "num_scan_inputs": attributes["num_scan_inputs"]}
    if "directions" in attributes:
        once["scan_input_directions"] = attributes["directions"]
    values = [[helper.make_empty_tensor_value_info(name) for name in names] for names in (inner, made)]
    graph = helper.make_graph([helper.make_node("Scan", inner, made, node.inner("scan"), **once)], "batch", *values)
    node.become("Scan", *given, body=graph, num_scan_inputs=len(given))


def _dft(node: OldNode) -> None:
    """The axis is an input."""
    attributes = node.attributes()
    axis = node.constant(attributes.pop("axis", 1), "int64")
    node.become("DFT", node.input(0), node.input(1), axis, **attributes)


def _scatter(node: OldNode) -> None:
    node.become("ScatterElements", *node.inputs(), **node.attributes())


_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")

RULES: dict[str, Rule] = {
    **old_resize.RULES,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow"), Rule(7, _arithmetic)),
    **dict.fromkeys(("And", "Or", "Xor", "Equal", "Greater", "Less"), Rule(7, _arithmetic)),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), Rule(13, _softmax)),
    **dict.fromkeys((f"Reduce{name}" for name in _REDUCTIONS), Rule(18, _with_inputs("axes"))),
    **dict.fromkeys(("Squeeze", "Unsqueeze", "ReduceSum"), Rule(13, _with_inputs("axes"))),
    **dict.fromkeys(("LSTM", "RNN"), Rule(7, _without("output_sequence"))),
    **dict.fromkeys(("LpPool", "GlobalLpPool"), Rule(2, _whole_p)),
    "BatchNormalization": Rule(14, _batch_normalization),
    "Cast": Rule(6, _cast),
    "Clip": Rule(11, _clip),
    "Concat": Rule(4, _with_attributes(axis=1)),
    "DFT": Rule(20, _dft),
    "Dropout": Rule(12, _dropout),
    "GRU": Rule(7, _gru),
    "Gemm": Rule(7, _without("broadcast")),
    "GridSample": Rule(20, _grid_sample),
    "GroupNormalization": Rule(21, _group_normalization),
    "PRelu": Rule(7, _prelu),
    "QuantizeLinear": Rule(23, _with_attributes(precision=TensorProto.FLOAT)),
    "Pad": Rule(11, _pad),
    "Reshape": Rule(5, _with_inputs("shape")),
    "RoiAlign": Rule(16, _with_attributes(coordinate_transformation_mode="output_half_pixel")),
    "Scan": Rule(9, _scan),
    "Scatter": Rule(11, _scatter),
    "Selu": Rule(6, _with_attributes(alpha=1.6732, gamma=1.0507)),
    "Slice": Rule(10, _with_inputs("starts", "ends", "axes")),
    "Split": Rule(18, _split),
    "Tile": Rule(6, _tile),
    "TopK": Rule(10, _with_inputs("k")),
}
"""By operator. Those that are left out mean the same in all their versions, or take more types than they did."""
