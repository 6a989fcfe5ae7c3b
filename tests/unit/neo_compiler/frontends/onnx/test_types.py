"""Operators of types and sizes that TVM's converters lack: what is written for them computes the same."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from support.onnx_forms.references import difference, references
from support.onnx_forms.run import operator_of
from support.onnx_forms.table import forms
from support.onnx_run import run_model

from neo_compiler.frontends.onnx.fold import fold
from neo_compiler.frontends.onnx.reference import run_reference
from neo_compiler.frontends.onnx.types import REWRITES

REWRITTEN = (
    "Acos-22 float16[2,3,5]",
    "DequantizeLinear-23 output_dtype=10 uint8[2,3,4] constant float32[]",
    "EyeLike-22 dtype=9 float32[3,3]",
    "PRelu-16 int32[2,3,4,5] constant int32[3, 1, 1]",
    "ReduceL1-18 keepdims=0 noop_with_empty_axes=1 float32[2,3]",
    "ReduceLogSum-18 keepdims=1 noop_with_empty_axes=1 float32[2,3] constant int64[0]",
    "ReduceMean-18 keepdims=0 int32[2,3,5] constant int64[1]",
    "ReduceSumSquare-18 keepdims=0 noop_with_empty_axes=1 float32[2,3]",
    "Shrink-9 bias=0.5 lambd=1.0 int64[2,3,5]",
    "Sign-13 uint8[2,3,5]",
)
REFUSED = {
    "Erf-9 int32[2,3,5]": "numbers with a fraction",
    "AffineGrid-20 align_corners=1 float32[2,2,3] constant int64[4] #2": "a side of one place",
    "GridSample-22 align_corners=1 padding_mode=reflection float32[2,2,1,4] float32[2,4,3,2]": "reflection",
}


def folded(name: str) -> tuple:
    form = forms([operator_of(name)])[name]
    model = form.model()
    return form, model, lambda: fold(model, {key: item.shape for key, item in form.feeds().items()})


@pytest.mark.parametrize("name", REWRITTEN)
def test_means_the_same(name: str) -> None:
    form, model, make = folded(name)
    made = make()
    assert [node.op_type for node in made.graph.node] != [operator_of(name)]
    expected = next(iter(references(form, model).values()))
    assert difference(ReferenceEvaluator(made).run(None, form.feeds()), expected) is None


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name: str) -> None:
    _, _, make = folded(name)
    with pytest.raises(ValueError, match=f"{operator_of(name)} .*{REFUSED[name]}"):
        make()


def test_sums_of_integers_are_exact() -> None:
    """The root of 24999999, which float32 takes for 25000000."""
    x = np.array([4999, 99, 14, 1], "int32")
    nodes = [helper.make_node("ReduceL2", ["x"], ["y"], keepdims=0)]
    values = [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name, shape in (("x", [4]), ("y", []))]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    assert run_model(model, {"x": x})[0] == run_reference(model.SerializeToString(), {"x": x})[0] == 4999


def test_other_types_stay() -> None:
    for operator in set(REWRITES) - {"DequantizeLinear", "EyeLike", "ReduceLogSumExp", "Shrink"}:
        form = next(
            form for form in forms([operator]).values() if form.inputs[0].dtype == "float32" and form.opset > 17
        )
        made = fold(form.model(), {key: item.shape for key, item in form.feeds().items()})
        assert [node.op_type for node in made.graph.node] == [operator]
