"""What operators are expanded to, on the tests that onnx ships. No TVM takes part, so many forms can be tried."""

import warnings

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from support.onnx_nodes import TOLERANCE, NodeTest, NotFeasible, operator, prepared, raw

from neo_compiler.frontends.onnx.expand import FUNCTIONS, ONE_RESULT, REWRITES
from neo_compiler.frontends.onnx.fold import NOT_COMPUTED, fold

CONTROL = ("If", "Loop", "Scan")
NOT_AVAILABLE = {
    "test_loop11": "Loop",
    "test_maxunpool_export_with_output_shape": "output_shape is not available",
    **{f"test_reduce_{kind}_empty_set": "over no elements" for kind in ("max", "min")},
    "test_reduce_max_empty_set_bool": "over no elements",
    "test_roialign_mode_max": "mode max",
    **{f"test_training_dropout{kind}": "training" for kind in ("", "_default", "_mask", "_default_mask")},
    **{f"test_batchnorm_{kind}_training_mode": "training_mode" for kind in ("example", "epsilon")},
}
MOST_FORMS = 12
STAYS = frozenset(
    [
        "Acos",
        "Acosh",
        "AffineGrid",
        "Asin",
        "Asinh",
        "Atan",
        "AveragePool",
        "BatchNormalization",
        "ConvTranspose",
        "Cosh",
        "DequantizeLinear",
        "Dropout",
        "Erf",
        "Gelu",
        "GridSample",
        "IsInf",
        "LRN",
        "LayerNormalization",
        "QuantizeLinear",
        "MaxPool",
        "MaxUnpool",
        "OneHot",
        "PRelu",
        "Pad",
        "Pow",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceSumSquare",
        "Resize",
        "RoiAlign",
        "ScatterElements",
        "ScatterND",
        "Sign",
        "Sinh",
        "Slice",
        "SpaceToDepth",
        "Split",
        "TopK",
        "Unique",
    ]
)
RANDOM = ("Bernoulli",)
EXPANDED = sorted({*REWRITES, *FUNCTIONS, *ONE_RESULT, *CONTROL} - set(RANDOM))


def forms(name: str) -> list[NodeTest]:
    found = []
    for case in raw():
        if operator(case) == name and case.name not in NOT_AVAILABLE and "bfloat16" not in case.name:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    test = prepared(case)
                except NotFeasible:
                    continue
            values = (*test.model.graph.input, *test.model.graph.output)
            if not NOT_COMPUTED.intersection(value.type.tensor_type.elem_type for value in values):
                found.append(test)
    return found[:: 1 + len(found) // MOST_FORMS]


@pytest.mark.parametrize("name", EXPANDED)
def test_means_the_same(name: str) -> None:
    assert any(operator(case) == name for case in raw())
    for test in forms(name):
        folded = fold(test.model, {key: array.shape for key, array in test.inputs.items()})
        assert name in STAYS or name not in {node.op_type for node in folded.graph.node}, test.name
        if [node.op_type for node in folded.graph.node] == [name]:
            continue  # it stays as it was
        found = ReferenceEvaluator(folded).run(None, test.inputs)
        for left, right in zip(found, test.outputs, strict=True):
            assert np.shape(left) == np.shape(right), test.name
            np.testing.assert_allclose(
                np.asarray(left, "f8"), np.asarray(right, "f8"), atol=TOLERANCE, rtol=TOLERANCE, err_msg=test.name
            )


@pytest.mark.parametrize("name", sorted(NOT_AVAILABLE))
def test_what_is_not_available_is_refused_or_left_for_the_frontend(name: str) -> None:
    from neo_compiler.frontends.onnx.load import compilable

    (case,) = (case for case in raw() if case.name == name)
    test = prepared(case)
    with pytest.raises(ValueError, match=NOT_AVAILABLE[name]):
        compilable(test.model, {key: array.shape for key, array in test.inputs.items()}, "")
