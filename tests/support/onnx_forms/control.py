"""If, Loop and Scan, sequences and optional values: small graphs, as no single node says what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from support.onnx_forms.form import Array, Form, Operator, value_of

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def _value(name: str, kind: int, shape: Sequence[int | None] | None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _whole(
    op: Operator, nodes: list[Any], inputs: list[Array], outputs: list[Any], constants: dict[str, Array], note: str
) -> Form:
    """A form of several nodes, its inputs x0, x1 and so on."""
    values = [value_of(f"x{k}", item) for k, item in enumerate(inputs)]
    tensors = [numpy_helper.from_array(item, name) for name, item in constants.items()]
    graph = helper.make_graph(nodes, "form", values, outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", op.opset)], ir_version=10)
    return Form(op.name, op.opset, tuple(inputs), body=model, outputs=len(outputs), note=note)


def _if(op: Operator) -> Iterator[Form]:
    branches = []
    for name, kind in (("yes", "Abs"), ("no", "Neg")):
        node = helper.make_node(kind, ["x0"], [name])
        branches.append(helper.make_graph([node], name, [], [_value(name, FLOAT, [2, 3])]))
    node = helper.make_node("If", ["x1"], ["y"], then_branch=branches[0], else_branch=branches[1])
    for flag in (True, False):
        x = op.real(2, 3)
        yield _whole(op, [node], [x, np.array(flag)], [_value("y", FLOAT, [2, 3])], {}, f"fed {flag}")
        yield _whole(op, [node], [x], [_value("y", FLOAT, [2, 3])], {"x1": np.array(flag)}, f"constant {flag}")


def _loop(op: Operator) -> Iterator[Form]:
    nodes = [
        helper.make_node("Add", ["v", "x0"], ["v_out"]),
        helper.make_node("Mul", ["v_out", "v_out"], ["scan"]),
        helper.make_node("Identity", ["going"], ["going_out"]),
    ]
    inputs = [_value("i", INT64, []), _value("going", BOOL, []), _value("v", FLOAT, [2, 3])]
    outputs = [_value("going_out", BOOL, []), _value("v_out", FLOAT, [2, 3]), _value("scan", FLOAT, [2, 3])]
    body = helper.make_graph(nodes, "body", inputs, outputs)
    for count in (0, 1, 4):
        for condition in ("", "on"):
            names = ["count", condition, "start"]
            node = helper.make_node("Loop", names, ["y0", "y1"], body=body)
            results = [_value("y0", FLOAT, [2, 3]), _value("y1", FLOAT, [count, 2, 3])]
            constants = {"count": np.array(count, "int64"), "on": np.array(True), "start": op.real(2, 3)}
            if not condition:
                del constants["on"]
            yield _whole(op, [node], [op.real(2, 3)], results, constants, f"{count} rounds {condition}".strip())


def _scan(op: Operator) -> Iterator[Form]:
    nodes = [
        helper.make_node("Add", ["state", "x"], ["state_out"]),
        helper.make_node("Identity", ["state_out"], ["row"]),
    ]
    values = [_value(name, FLOAT, [3]) for name in ("state", "x", "state_out", "row")]
    body = helper.make_graph(nodes, "body", values[:2], values[2:])
    if op.version == 8:
        node = helper.make_node("Scan", ["", "x0", "x1"], ["y0", "y1"], body=body, num_scan_inputs=1)
        results = [_value("y0", FLOAT, [2, 3]), _value("y1", FLOAT, [2, 4, 3])]
        yield _whole(op, [node], [op.real(2, 3), op.real(2, 4, 3)], results, {}, "batches")
        return
    for direction in (0, 1):
        for out in (0, 1):
            for axis in (0, 1):
                shape = (4, 3) if axis == 0 else (3, 4)
                attributes = {
                    "scan_input_directions": [direction],
                    "scan_output_directions": [out],
                    "scan_input_axes": [axis],
                    "scan_output_axes": [axis],
                }
                node = helper.make_node("Scan", ["x0", "x1"], ["y0", "y1"], body=body, num_scan_inputs=1, **attributes)
                results = [_value("y0", FLOAT, [3]), _value("y1", FLOAT, shape)]
                yield _whole(op, [node], [op.real(3), op.real(*shape)], results, {}, f"{direction} {out} {axis}")


def _sequence(op: Operator) -> Iterator[Form]:
    """Each puts tensors into a sequence and takes them out again."""
    make, taken = helper.make_node, [_value("y", FLOAT, None)]
    construct = make("SequenceConstruct", ["x0", "x1"], ["s"])
    at = make("SequenceAt", ["s2", "k"], ["y"])
    x = [op.real(2, 3), op.real(2, 3)]
    one, two = np.array(0, "int64"), np.array(-1, "int64")
    if op.name == "SequenceInsert":
        for place in (None, one):
            names = ["s", "x0"] if place is None else ["s", "x0", "p"]
            constants = {"k": two} if place is None else {"k": two, "p": place}
            yield _whole(op, [construct, make("SequenceInsert", names, ["s2"]), at], x, taken, constants, str(place))
    elif op.name == "SequenceErase":
        for place in (None, one):
            names = ["s"] if place is None else ["s", "p"]
            constants = {"k": one} if place is None else {"k": one, "p": place}
            yield _whole(op, [construct, make("SequenceErase", names, ["s2"]), at], x, taken, constants, str(place))
    elif op.name == "SequenceLength":
        length = [_value("y", INT64, [])]
        yield _whole(op, [construct, make("SequenceLength", ["s"], ["y"])], x, length, {}, "")
    elif op.name == "ConcatFromSequence":
        for axis, new in ((0, 0), (1, 0), (-1, 0), (0, 1), (-1, 1)):
            node = make("ConcatFromSequence", ["s"], ["y"], axis=axis, new_axis=new)
            yield _whole(op, [construct, node], x, taken, {}, f"axis {axis} new_axis {new}")
    elif op.name == "SplitToSequence":
        yield from _split(op)
    else:
        for place in (0, 1, -1, -2):
            node = make("SequenceAt", ["s", "k"], ["y"])
            yield _whole(op, [construct, node], x, taken, {"k": np.array(place, "int64")}, str(place))


def _split(op: Operator) -> Iterator[Form]:
    at = helper.make_node("SequenceAt", ["s", "k"], ["y"])
    cases: tuple[tuple[int, Any, int | None], ...] = (
        (0, None, None),
        (1, None, 0),
        (1, 2, None),
        (-1, [1, 3], None),
        (1, [4], 0),
        (0, 3, None),
    )
    for axis, split, keepdims in cases:
        names = ["x0"] if split is None else ["x0", "split"]
        attributes = {"axis": axis, **({} if keepdims is None else {"keepdims": keepdims})}
        node = helper.make_node("SplitToSequence", names, ["s"], **attributes)
        constants = {"k": np.array(0, "int64"), **({} if split is None else {"split": np.array(split, "int64")})}
        yield _whole(
            op, [node, at], [op.real(3, 4)], [_value("y", FLOAT, None)], constants, f"{axis} {split} {keepdims}"
        )


GENERATORS = {
    "If": _if,
    "Loop": _loop,
    "Scan": _scan,
    **dict.fromkeys(
        (
            *("ConcatFromSequence", "SequenceAt", "SequenceConstruct", "SequenceErase", "SequenceInsert"),
            *("SequenceLength", "SplitToSequence"),
        ),
        _sequence,
    ),
}
