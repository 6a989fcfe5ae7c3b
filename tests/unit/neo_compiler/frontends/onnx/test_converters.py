"""Clip, Max, Min and Sum become plain operators, and compute what ONNX says."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import tvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax

from neo_compiler.frontends.onnx.load import compilable
from neo_compiler.frontends.onnx.reference import run_reference

SHAPE = [2, 3]
X = np.array([[-3, 0, np.nan], [1, 7, 2.5]], "float32")


def graph(op: str, constants: list[np.ndarray | None], opset: int = 17, inputs: int = 1, **attributes: Any) -> Any:
    names = [f"x{index}" for index in range(inputs)]
    weights = [
        numpy_helper.from_array(np.float32(value), f"c{i}") for i, value in enumerate(constants) if value is not None
    ]
    given = [f"c{index}" if value is not None else "" for index, value in enumerate(constants)]
    node = helper.make_node(op, [*names, *given], ["y"], **attributes)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE) for name in names]
    body = helper.make_graph(
        [node], "g", values, [helper.make_tensor_value_info("y", TensorProto.FLOAT, SHAPE)], weights
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    return model


CASES = {
    "relu6": graph("Clip", [0.0, 6.0]),
    "from below": graph("Clip", [1.0]),
    "from above": graph("Clip", [None, 1.0]),
    "no bounds": graph("Clip", []),
    "attributes": graph("Clip", [], opset=6, min=-1.0, max=2.0),
    "max": graph("Max", [1.0], inputs=2),
    "min": graph("Min", [], inputs=3),
    "sum": graph("Sum", [0.5], inputs=2),
}


@pytest.mark.parametrize("case", CASES)
def test_converted(case: str) -> None:
    model = CASES[case]
    names = [value.name for value in model.graph.input]
    module = compilable(model, dict.fromkeys(names, tuple(SHAPE)), "").module
    assert "call_tir" not in module.script() and "stack" not in module.script()
    feeds = {name: X + index for index, name in enumerate(names)}
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())
    found = machine["main"](*(tvm.runtime.tensor(value) for value in feeds.values())).numpy()
    (expected,) = run_reference(model, feeds)
    number = ~np.isnan(X)
    assert np.array_equal(found[number], expected[number])
