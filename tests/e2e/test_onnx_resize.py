"""Resize through TVM, in every mode and way of counting, at scales and sizes of every kind, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.onnx_run import run_model

from neo_compiler.frontends.onnx.reference import run_reference

X = np.random.default_rng(2).standard_normal((1, 2, 5, 7)).astype("float32")
SCALES = ((2, 2), (3, 2), (1.5, 2.5), (1.7, 0.7), (0.4, 0.3), (1.1, 1.1))
SIZES = ((10, 14), (3, 4), (5, 20), (1, 9))
COUNTING = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
ROUNDING = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
KINDS: dict[str, list[dict[str, Any]]] = {
    **{f"nearest {rounding}": [{"mode": "nearest", "nearest_mode": rounding}] for rounding in ROUNDING},
    "linear": [{"mode": "linear"}],
    "cubic": [{"mode": "cubic"}, {"mode": "cubic", "exclude_outside": 1, "cubic_coeff_a": -0.5}],
}


def forms(kind: str) -> list[tuple[dict[str, Any], str, tuple[float, ...]]]:
    """Attributes, the input that says how big, what it says. Floors of half_pixel_symmetric hang on the last bit."""
    found = []
    for attributes in KINDS[kind]:
        for counting in COUNTING:
            if counting == "half_pixel_symmetric" and kind in ("nearest floor", "nearest ceil"):
                continue
            full = attributes | {"coordinate_transformation_mode": counting}
            found += [(full, "scales", (1, 1, *item)) for item in SCALES]
            found += [(full, "sizes", (1, 2, *item)) for item in SIZES]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_onnx_runtimes(kind: str) -> None:
    nodes, weights, outputs = [], [], []
    for place, (attributes, key, target) in enumerate(forms(kind)):
        name = f"{key}{place}"
        weights.append(numpy_helper.from_array(np.array(target, "float32" if key == "scales" else "int64"), name))
        inputs = ["x", "", name] if key == "scales" else ["x", "", "", name]
        nodes.append(helper.make_node("Resize", inputs, [f"y{place}"], **attributes))
        outputs.append(helper.make_tensor_value_info(f"y{place}", TensorProto.FLOAT, None))
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)]
    graph = helper.make_graph(nodes, "resizes", given, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)
    found, right = run_model(model, {"x": X}), run_reference(model, {"x": X})
    for form, mine, other in zip(forms(kind), found, right, strict=True):
        assert mine.shape == other.shape, form
        np.testing.assert_allclose(mine, other, atol=1e-4, err_msg=str(form))
