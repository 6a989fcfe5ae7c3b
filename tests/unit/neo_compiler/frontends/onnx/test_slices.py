"""Parts without elements, and sequences of parts: what is written for them computes the same."""

from __future__ import annotations

import pytest
from onnx.reference import ReferenceEvaluator
from support.onnx_forms.references import difference, references
from support.onnx_forms.run import operator_of
from support.onnx_forms.table import forms

from neo_compiler.frontends.onnx.fold import fold

REWRITTEN = (
    "Slice-1 axes=[1] ends=[1] starts=[3] float32[2,3,4]",
    "Slice-13 float32[2,3,4] constant int64[1] constant int64[1] constant int64[1] #7",
    "SplitToSequence-24 0 3 None float32[3,4]",
    "SplitToSequence-24 1 None 0 float32[3,4]",
    "Split-2 axis=1 split=[0,6] float32[2,6,4] 2 outputs",
    "Unique-28 float32[4,3] 4 outputs",
    "SplitToSequence-24 -1 [1, 3] None float32[3,4]",
)


@pytest.mark.parametrize("name", REWRITTEN)
def test_means_the_same(name: str) -> None:
    form = forms([operator_of(name)])[name]
    model = form.model()
    made = fold(model, {key: item.shape for key, item in form.feeds().items()})
    assert "SplitToSequence" not in [node.op_type for node in made.graph.node]
    expected = next(iter(references(form, model).values()))
    assert difference(ReferenceEvaluator(made).run(None, form.feeds()), expected) is None
