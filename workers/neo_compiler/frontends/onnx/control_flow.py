"""If, Loop and Scan without control flow: a compiled model is a straight list of kernels.

A Loop of a known number of turns and a Scan are unrolled; an If whose condition is computed becomes both branches and
a choice between their results, which is right because ONNX's operators have no effects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.graph import Inlined, branch, inline, label
from neo_compiler.input_config import Shape
from neo_compiler.tvm_types import OnnxGraph, OnnxNode

MAX_UNROLLED_NODES = 20_000
CHOICE = "/choice "


def chosen(node: OnnxNode, condition: bool) -> Inlined:
    """An If whose condition is known."""
    return inline(branch(node, condition), f"{label(node)}/", node.output)


def both(node: OnnxNode) -> Inlined:
    """An If whose condition is computed; its branches give results of the same shapes."""
    parts = []
    results: list[list[str]] = []
    for condition in (True, False):
        prefix = f"{label(node)}/{'then' if condition else 'else'}/"
        results.append([f"{prefix}result{index}" for index in range(len(node.output))])
        parts.append(inline(branch(node, condition), prefix, results[-1]))
    choices = [
        helper.make_node("Where", [node.input[0], yes, no], [output], f"{label(node)}{CHOICE}{index}")
        for index, (yes, no, output) in enumerate(zip(*results, node.output, strict=True))
    ]
    return Inlined([*parts[0].nodes, *parts[1].nodes, *choices], [*parts[0].tensors, *parts[1].tensors])


def is_choice(node: OnnxNode) -> bool:
    """Whether `both` made this node: it may only stay when the two results that it reads have the same shape."""
    return node.op_type == "Where" and CHOICE in node.name


def unrolled_loop(node: OnnxNode, turns: int) -> Inlined:
    """A Loop of `turns` turns. Raises ValueError when it may end sooner, or is too long."""
    body = node.attribute[0].g
    _check_size(node, body, turns)
    if not _goes_on(body):
        raise ValueError(f"Loop (node {label(node)}): it ends by a condition that is computed")
    carried_count = len(node.input) - 2
    carried, scanned = list(node.input[2:]), [[] for _ in node.output[carried_count:]]  # type: list[str], list[list[str]]
    nodes, tensors = [], [numpy_helper.from_array(np.array(True), f"{label(node)}/on")]
    for turn in range(turns):
        prefix = f"{label(node)}/{turn}/"
        tensors.append(numpy_helper.from_array(np.array(turn, "int64"), f"{prefix}turn"))
        outputs = [f"{prefix}on", *(f"{prefix}result{index}" for index in range(len(node.output)))]
        part = inline(body, prefix, outputs, [f"{prefix}turn", tensors[0].name, *carried])
        nodes += part.nodes
        tensors += part.tensors
        carried = outputs[1 : 1 + carried_count]
        for place, name in zip(scanned, outputs[1 + carried_count :], strict=True):
            place.append(name)
    nodes += [helper.make_node("Identity", [a], [b]) for a, b in zip(carried, node.output, strict=False) if b]
    return _with_stacks(node, nodes, tensors, scanned, node.output[carried_count:], [0] * len(scanned))


def unrolled_scan(node: OnnxNode, shapes: Mapping[str, Shape | list[int]]) -> Inlined | None:
    """A Scan over axes of known length; None while that is not known. Raises ValueError when it is too long."""
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    body, count = attributes["body"], attributes["num_scan_inputs"]
    carried, sources = list(node.input[: len(node.input) - count]), list(node.input[len(node.input) - count :])
    axes = attributes.get("scan_input_axes", [0] * count)
    if not sources or sources[0] not in shapes:
        return None
    turns = shapes[sources[0]][axes[0]]
    _check_size(node, body, turns)
    backwards = attributes.get("scan_input_directions", [0] * count)
    results = node.output[len(carried) :]
    scanned: list[list[str]] = [[] for _ in results]
    nodes: list[OnnxNode] = []
    tensors: list[Any] = []
    for turn in range(turns):
        prefix = f"{label(node)}/{turn}/"
        slices = []
        for index, (source, axis, back) in enumerate(zip(sources, axes, backwards, strict=True)):
            place = numpy_helper.from_array(np.array(turns - 1 - turn if back else turn, "int64"), f"{prefix}at{index}")
            tensors.append(place)
            nodes.append(helper.make_node("Gather", [source, place.name], [f"{prefix}slice{index}"], axis=axis))
            slices.append(f"{prefix}slice{index}")
        outputs = [f"{prefix}result{index}" for index in range(len(node.output))]
        part = inline(body, prefix, outputs, [*carried, *slices])
        nodes += part.nodes
        tensors += part.tensors
        carried = outputs[: len(carried)]
        for place_, name in zip(scanned, outputs[len(carried) :], strict=True):
            place_.append(name)
    for names, back in zip(scanned, attributes.get("scan_output_directions", [0] * len(results)), strict=True):
        names[:] = names[::-1] if back else names
    nodes += [helper.make_node("Identity", [a], [b]) for a, b in zip(carried, node.output, strict=False) if b]
    places = attributes.get("scan_output_axes", [0] * len(results))
    return _with_stacks(node, nodes, tensors, scanned, results, places)


def _with_stacks(
    node: OnnxNode,
    nodes: list[OnnxNode],
    tensors: list[Any],
    scanned: list[list[str]],
    outputs: list[str],
    axes: list[int],
) -> Inlined:
    """The results of all turns, put beside each other along a new axis each."""
    for names, output, axis in zip(scanned, outputs, axes, strict=True):
        if not output:
            continue
        if not names:
            raise ValueError(f"{node.op_type} (node {label(node)}): it makes no turn, and {output} is empty")
        place = numpy_helper.from_array(np.array([axis], "int64"), f"{label(node)}/{output}/axis")
        tensors.append(place)
        for name in names:
            nodes.append(helper.make_node("Unsqueeze", [name, place.name], [f"{name}/row"]))
        nodes.append(helper.make_node("Concat", [f"{name}/row" for name in names], [output], axis=axis))
    return Inlined(nodes, tensors)


def _check_size(node: OnnxNode, body: OnnxGraph, turns: int) -> None:
    if turns * max(1, len(body.node)) > MAX_UNROLLED_NODES:
        raise ValueError(f"{node.op_type} (node {label(node)}): {turns} turns of {len(body.node)} nodes are too many")


def _goes_on(body: OnnxGraph) -> bool:
    """Whether the condition that the body gives back is the one that it got, or always true."""
    makers = {name: inner for inner in body.node for name in inner.output}
    constants: dict[str, Array] = {tensor.name: numpy_helper.to_array(tensor) for tensor in body.initializer}
    name = body.output[0].name
    while name in makers and makers[name].op_type in ("Identity", "Cast"):
        name = makers[name].input[0]
    if name in makers and makers[name].op_type == "Constant":
        value = helper.get_attribute_value(makers[name].attribute[0])
        return bool(np.all(numpy_helper.to_array(value))) if hasattr(value, "dims") else bool(value)
    return name == body.input[1].name or bool(np.all(constants.get(name, np.array(False))))
