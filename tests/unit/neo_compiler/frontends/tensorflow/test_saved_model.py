"""Which files the TENSORFLOW importer takes; the models are those of tests/e2e/test_compile_keras.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.tensorflow.saved_model import CHECKPOINT, MANY_GRAPHS, MANY_SAVED, NO_MODEL, _name, find

VARIABLES = ["m/variables/variables.index", "m/variables/variables.data-00000-of-00001"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a.onnx"], NO_MODEL),
        ([".hidden.pb"], NO_MODEL),
        (["a.pb", "b.pbtxt"], MANY_GRAPHS),
        (["a.pb", "b.pb", "checkpoint"], MANY_GRAPHS),
        (["checkpoint", "model.ckpt-1.index"], CHECKPOINT),
        (["model.ckpt-1.meta"], CHECKPOINT),
        (["m/saved_model.pb", *VARIABLES, "n/variables/variables.index"], MANY_SAVED),
    ],
)
def test_refused(names: list[str], text: str) -> None:
    with pytest.raises(InputConfigurationError) as error:
        find([Path(name) for name in names])
    assert str(error.value) == text


@pytest.mark.parametrize("names", [["m/fingerprint.pb", "m/saved_model.pb", *VARIABLES], ["m/frozen.pb", "m/._x.pb"]])
def test_taken(names: list[str]) -> None:
    assert find([Path(name) for name in names]).name in ("saved_model.pb", "frozen.pb")


def test_an_input_goes_by_any_of_its_names() -> None:
    assert _name(["x:0"], "x") == "x:0"
    assert _name(["serving_default_x"], "x", "serving_default_x") == "serving_default_x"
    assert _name([], "x", "serving_default_x") == "x"
