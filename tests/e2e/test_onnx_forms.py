"""A part of the matrix of forms; `make test-onnx-nodes` tries all. The tables must hold all that onnx' schemas say."""

import pytest
from onnx import defs
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Form
from support.onnx_forms.run import INVALID, RIGHT, UNNAMED, WRONG, operator_of, outcome
from support.onnx_forms.table import GENERATORS, forms, imported, versions

OPERATORS = sorted(GENERATORS)

HALF = "constant float16[3]"
WEIGHTS = "constant float64[1, 15, 2] constant float64[1, 15, 5] constant float64[1, 30]"
WERE_WRONG = (
    "Acos-22 float16[2,3,5]",
    f"BatchNormalization-15 float16[2,3,4] {HALF} {HALF} {HALF} {HALF}",
    "Constant-12 places of rank 2 sparse_value=SparseTensorProto",
    "CumProd-26 exclusive=1 reverse=1 float32[2,5] constant int64[1]",
    "DequantizeLinear-23 output_dtype=10 int32[2,3,4] constant float32[]",
    "DynamicQuantizeLinear-11 float32[3] 3 outputs",
    "EyeLike-22 dtype=7 float32[3,3]",
    f"GRU-22 hidden_size=5 float64[4,3,2] {WEIGHTS} 2 outputs",
    "PRelu-16 int32[2,3,4,5] constant int32[1]",
    "Shrink-9 bias=0.5 lambd=1.0 int32[2,3,5]",
    "Sign-13 uint8[2,3,5]",
    "ThresholdedRelu-22 edges float32[4]",
)
"""Forms that gave wrong numbers or failed in TVM."""

NOT_TRIED = {
    "Bernoulli": "makes random numbers",
    "CausalConvWithState": "ONNX' own node tests are all that run it",
    "LinearAttention": "ONNX' own node tests are all that run it",
    "Optional": "its values are no tensors",
    "OptionalGetElement": "its values are no tensors",
    "OptionalHasElement": "its values are no tensors",
    "SequenceEmpty": "its values are no tensors",
}


def test_every_operator_has_forms() -> None:
    assert imported() - set(GENERATORS) == set(NOT_TRIED)


@pytest.mark.parametrize("operator", OPERATORS)
def test_attributes_and_inputs_are_tried(operator: str) -> None:
    """In each version: every attribute, every value of those that are choices, every input that may be left out."""
    found = list(forms([operator]).values())
    for version, last in versions(operator).items():
        mine = [form for form in found if version <= form.opset <= last]
        assert mine, version
        if mine[0].body is None:
            _check(defs.get_schema(operator, version, ""), mine)


NOT_VARIED = {
    *{("BatchNormalization", name) for name in ("is_test", "consumed_inputs")},  # training, and what has no effect
    *{(name, "is_test") for name in ("Dropout",)},
    *{(name, "saturate") for name in ("Cast", "CastLike", "QuantizeLinear")},  # of float8 alone
    *{(name, "round_mode") for name in ("Cast", "CastLike")},  # of float8 alone
    ("QuantizeLinear", "precision"),
    ("Attention", "softmax_precision"),
    *{("Constant", name) for name in ("value_string", "value_strings")},
    ("Range", "stash_type"),
    ("Unique", "sorted"),
}


def _check(schema: defs.OpSchema, mine: list[Form]) -> None:
    for name in schema.attributes:
        if (schema.name, name) not in NOT_VARIED:
            assert any(name in form.attributes for form in mine), (schema.since_version, name)
            tried = [form.attributes.get(name) for form in mine]
            missing = [value for value in choices(schema.name, name) if value not in tried]
            assert not {*missing} - _unknown(schema, name), (schema.since_version, name, missing)
    for place, item in enumerate(schema.inputs):
        if item.option == defs.OpSchema.FormalParameterOption.Optional:
            given = {place < len(form.inputs) and form.inputs[place] is not None for form in mine}
            assert given == {True, False}, (schema.since_version, item.name)


def _unknown(schema: defs.OpSchema, name: str) -> set[object]:
    """Values that this version does not have."""
    version = schema.since_version
    later: dict[tuple[str, str], dict[object, tuple[int, int]]] = {
        ("Pad", "mode"): {"wrap": (19, 99)},
        ("Resize", "coordinate_transformation_mode"): {
            "half_pixel_symmetric": (19, 99),
            "tf_half_pixel_for_nn": (11, 12),
        },
        ("ScatterElements", "reduction"): {"max": (18, 99), "min": (18, 99)},
        ("ScatterND", "reduction"): {"max": (18, 99), "min": (18, 99)},
        ("GridSample", "mode"): {
            **dict.fromkeys(("bilinear", "bicubic"), (16, 19)),
            **dict.fromkeys(("linear", "cubic"), (20, 99)),
        },
    }
    table = later.get((schema.name, name), {})
    return {value for value, (first, last) in table.items() if not first <= version <= last}


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_part_is_right_or_refused_by_name(operator: str) -> None:
    """The last form of each version, and one from the middle."""
    known = forms([operator])
    chosen = set()
    for version, last in versions(operator).items():
        mine = [name for name, form in known.items() if version <= form.opset <= last]
        chosen |= {mine[-1], mine[len(mine) // 2]}
    found = [outcome(name, known[name]) for name in sorted(chosen)]
    assert [item for item in found if item.verdict in (WRONG, UNNAMED, INVALID)] == []


@pytest.mark.parametrize("name", WERE_WRONG)
def test_what_was_wrong_is_right(name: str) -> None:
    found = outcome(name, forms([operator_of(name)])[name])
    assert (found.verdict, found.reason) == (RIGHT, "")
