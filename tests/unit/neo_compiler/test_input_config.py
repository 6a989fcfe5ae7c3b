import json

import pytest

from neo_compiler.errors import InputConfigurationError
from neo_compiler.input_config import ModelInput, derived, match, parse

IMAGE = ModelInput("data", (-1, 3, 224, 224), "float32")
MASK = ModelInput("mask", (1, 16), "int64")


@pytest.mark.parametrize(
    "text, parsed",
    [
        ('{"data": [1, 3, 224, 224]}', {"data": (1, 3, 224, 224)}),
        ("{'data': [1,3,224,224]}", {"data": (1, 3, 224, 224)}),
        ("{'data': (1, 3)}", {"data": (1, 3)}),
        ('{"data": {"shape": [1, 3]}}', {"data": (1, 3)}),
        ("[[1, 3], [2]]", [(1, 3), (2,)]),
        ('{"data": [-1, 3]}', {"data": (-1, 3)}),
        ('{"scalar": []}', {"scalar": ()}),
        ("{}", {}),
    ],
)
def test_parse(text: str, parsed: object) -> None:
    assert parse(text) == parsed


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("{'data': [1,", "Cannot load DataInputConfig. Incorrect json format. "),
        ("open('x')", "Cannot load DataInputConfig. Incorrect json format. "),
        ("7", "DataInputConfig is not dictionary or list."),
        ('"text"', "DataInputConfig is not dictionary or list."),
        ('{"data": 7}', "the shape of data must be a list of numbers"),
        ('{"data": {"dims": [1]}}', "the shape of data must be a list of numbers"),
        ('{"data": [1.5]}', "1.5 in the shape of data is not a size"),
        ('{"data": [0]}', "0 in the shape of data is not a size"),
        ('{"data": [-2]}', "-2 in the shape of data is not a size"),
        ('{"data": [true]}', "True in the shape of data is not a size"),
        ("{1: [1]}", "the name of an input must be text, not 1"),
    ],
)
def test_parse_refuses(text: str, complaint: str) -> None:
    with pytest.raises(InputConfigurationError) as error:
        parse(text)
    assert complaint in str(error.value)


def test_match_by_name_keeps_the_models_order() -> None:
    shapes = match({"mask": (1, 16), "data": (2, 3, 224, 224)}, [IMAGE, MASK])
    assert list(shapes.items()) == [("data", (2, 3, 224, 224)), ("mask", (1, 16))]


def test_match_by_position() -> None:
    assert match([(2, 3, 224, 224), (1, 16)], [IMAGE, MASK])["data"] == (2, 3, 224, 224)


def test_match_fills_in_what_the_model_knows() -> None:
    assert match({"data": (1, 3, 224, 224)}, [IMAGE, MASK])["mask"] == (1, 16)
    assert match({"data": (1, 3, -1, -1)}, [IMAGE]) == {"data": (1, 3, 224, 224)}
    assert match(None, [MASK]) == {"mask": (1, 16)}


@pytest.mark.parametrize(
    "given, complaint",
    [
        (
            {"image": (1, 3, 224, 224)},
            "DataInputConfig names image, which the model does not have. The model's inputs: data",
        ),
        (None, "DataInputConfig must give the shape of input data: the model leaves it open."),
        ({"data": (1, 3, 32, 32)}, "Input data has wrong shape in Input Shape dictionary: [1, 3, 32, 32]."),
        ({"data": (1, 3, 224)}, "Input data has wrong shape in Input Shape dictionary: [1, 3, 224]."),
        ({"data": (-1, 3, 224, 224)}, "Input data has a dynamic dimension (-1)"),
        ([(1, 3, 224, 224), (1,)], "DataInputConfig lists 2 shapes, the model has 1 inputs"),
    ],
)
def test_match_refuses(given: dict[str, tuple[int, ...]] | list[tuple[int, ...]] | None, complaint: str) -> None:
    with pytest.raises(InputConfigurationError) as error:
        match(given, [IMAGE])
    assert complaint in str(error.value)
    assert "[-1, 3, 224, 224] float32" in str(error.value) or "dynamic" in complaint


def test_unknown_rank_takes_any_shape() -> None:
    assert match({"x": (4, 5)}, [ModelInput("x", None, "float32")]) == {"x": (4, 5)}


def test_derived() -> None:
    assert json.loads(derived({"data": (1, 3)})) == {"data": [1, 3]}
