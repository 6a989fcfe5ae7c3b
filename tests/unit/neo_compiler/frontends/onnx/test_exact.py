"""Operators that TVM's own converters get wrong in some cases, against what ONNX says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from support.onnx_run import run_model


def _run(op: str, inputs: dict[str, Any], kind: int, fixed: tuple[Any, ...] = (), **attributes: Any) -> Any:
    names = [*inputs, *(tensor.name for tensor in fixed)]
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ]
    graph = helper.make_graph(
        [helper.make_node(op, names, ["out"], **attributes)],
        "one",
        given,
        [helper.make_tensor_value_info("out", kind, None)],
        list(fixed),
    )
    return run_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), inputs)[0]


@pytest.mark.parametrize(
    ("direction", "expected"), [("LEFT", [2, -4, 0, 0, 0]), ("RIGHT", [0, -1, 0, -1, -1])], ids=["left", "right"]
)
def test_a_shift_by_too_much_leaves_the_sign(direction: str, expected: list[int]) -> None:
    x, amount = np.array([1, -2, 5, -5, -7], "int8"), np.array([1, 1, 8, 100, -1], "int8")
    assert _run("BitShift", {"x": x, "y": amount}, TensorProto.INT8, direction=direction).tolist() == expected


def test_mod_takes_infinite_divisors() -> None:
    x, y = np.array([-3, 3, -1, 1, 5.5, -5.5], "float32"), np.array([np.inf, np.inf, -np.inf, -np.inf, 2, 2], "float32")
    assert _run("Mod", {"x": x, "y": y}, TensorProto.FLOAT).tolist() == np.mod(x, y).tolist()


def test_boxes_that_overlap_by_the_threshold_stay() -> None:
    boxes = np.array([[[0, 0, 1, 1], [0, 0.5, 1, 1]]], "float32")
    scores = np.array([[[0.9, 0.8]]], "float32")
    fixed = (
        helper.make_tensor("most", TensorProto.INT64, [1], [2]),
        helper.make_tensor("overlap", TensorProto.FLOAT, [1], [0.5]),
    )
    found = _run("NonMaxSuppression", {"boxes": boxes, "scores": scores}, TensorProto.INT64, fixed)
    assert found.tolist() == [[0, 0, 0], [0, 0, 1]]


def test_space_to_depth_keeps_channels_together() -> None:
    x = np.arange(32, dtype="float32").reshape(1, 2, 4, 4)
    right = x.reshape(1, 2, 2, 2, 2, 2).transpose(0, 1, 3, 5, 2, 4).reshape(1, 8, 2, 2)
    graph = helper.make_graph(
        [helper.make_node("SpaceToDepth", ["x"], ["out"], blocksize=2, mode="CRD")],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 27)], ir_version=9)
    assert np.array_equal(run_model(model, {"x": x})[0], right)
