"""Resize in the forms that TVM computes otherwise, against ONNX's own evaluator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from support.onnx_run import run_model

FORMS: dict[str, tuple[list[float], dict[str, Any]]] = {
    "cubic, not whole": ([1, 1, 0.8, 1.3], {"mode": "cubic"}),
    "linear, not whole": ([1, 1, 0.6, 1.7], {"mode": "linear"}),
    "nearest, not whole": ([1, 1, 0.6, 1.7], {"mode": "nearest"}),
    "antialias": ([1, 1, 0.6, 0.6], {"mode": "linear", "antialias": 1}),
    "symmetric": ([1, 1, 0.6, 1.7], {"mode": "linear", "coordinate_transformation_mode": "half_pixel_symmetric"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_scales_are_taken_as_they_are_given(form: str) -> None:
    scales, attributes = FORMS[form]
    x = np.random.default_rng(1).standard_normal((1, 2, 6, 7)).astype("float32")
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["out"], **attributes)],
        "resize",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [helper.make_tensor("scales", TensorProto.FLOAT, [4], scales)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    (right,) = ReferenceEvaluator(model).run(None, {"x": x})
    (found,) = run_model(model, {"x": x})
    assert found.shape == right.shape
    assert np.abs(found - right).max() < 1e-5
