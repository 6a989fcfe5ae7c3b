"""Pooling through TVM, with every way of padding, against ONNX Runtime."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from support.onnx_run import run_model

from neo_compiler.frontends.onnx.reference import run_reference

X = np.random.default_rng(6).standard_normal((1, 2, 6, 11)).astype("float32")
KINDS: dict[str, list[dict[str, Any]]] = {
    "MaxPool": [{}],
    "AveragePool": [{}, {"count_include_pad": 1}],
    "LpPool": [{"p": 2}, {"p": 3}],
}
PADDINGS: list[dict[str, Any]] = [
    *({"auto_pad": mode} for mode in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")),
    {"pads": [1, 0, 1, 1]},
]


def forms(op: str) -> list[dict[str, Any]]:
    """ONNX Runtime refuses MaxPool where windows leave gaps at the border."""
    windows = product(([3, 2], [2, 4], [1, 2]), ([1, 1], [2, 2], [3, 2]), (0, 1))
    sizes = [{"kernel_shape": kernel, "strides": strides, "ceil_mode": ceil} for kernel, strides, ceil in windows]
    made = [size | padding | kind for size, padding, kind in product(sizes, PADDINGS, KINDS[op])]
    taken = [form for form in made if "pads" not in form or min(form["kernel_shape"]) > 1]
    return [form for form in taken if op != "MaxPool" or not has_gaps(form)]


def has_gaps(form: dict[str, Any]) -> bool:
    apart = any(kernel < stride for kernel, stride in zip(form["kernel_shape"], form["strides"], strict=True))
    return apart and form.get("auto_pad", "").startswith("SAME")


@pytest.mark.parametrize("op", KINDS)
def test_numbers_are_onnx_runtimes(op: str) -> None:
    nodes = [helper.make_node(op, ["x"], [f"y{place}"], **form) for place, form in enumerate(forms(op))]
    outputs = [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None) for node in nodes]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)]
    graph = helper.make_graph(nodes, "pools", given, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)
    found, right = run_model(model, {"x": X}), run_reference(model, {"x": X})
    for form, mine, other in zip(forms(op), found, right, strict=True):
        assert mine.shape == other.shape, form
        np.testing.assert_allclose(mine, other, atol=1e-4, err_msg=str(form))
