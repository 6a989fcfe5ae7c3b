"""What the KERAS importer refuses; the models are those of tests/e2e/test_compile_keras.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from neo_compiler.errors import CompilationError, InputConfigurationError
from neo_compiler.frontends.tensorflow.keras import _check, _lambdas, load
from neo_compiler.frontends.tensorflow.source import ENVIRONMENT
from neo_compiler.input_config import ModelInput, Shape

IMAGE = ModelInput("input_1", (-1, 3, 16, 20), "float32")


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a.onnx"], "No h5 file provided in ['a.onnx']."),
        (["a.h5", "b.keras"], "Multiple h5 files provided, ['a.h5', 'b.keras'], when only one is allowed."),
    ],
)
def test_files(names: list[str], text: str, tmp_path: Path) -> None:
    with pytest.raises(InputConfigurationError) as error:
        load([tmp_path / name for name in names], None)
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        (None, "Model contains input layer (input_1) not specified in data_shape. Please specify all input layers"),
        (
            (1, 16, 20, 3),
            "Input input_1 has wrong shape in Input Shape dictionary. Input shapes should be provided in NCHW format. "
            "For example, (None, 3, 16, 20)",
        ),
    ],
)
def test_inputs(shape: Shape | None, text: str) -> None:
    with pytest.raises(InputConfigurationError) as error:
        _check({} if shape is None else {"input_1": shape}, [IMAGE])
    assert str(error.value).startswith(text)


def test_batch_size() -> None:
    with pytest.raises(InputConfigurationError, match=r"^Input a has wrong batch size in Input Shape dictionary"):
        _check({"a": (2, 4)}, [ModelInput("a", (1, 4), "float32")])


def test_lambdas_are_found_wherever_they_are() -> None:
    inner = {"class_name": "Lambda", "config": {"name": "bad"}}
    assert list(_lambdas({"config": {"layers": [{"class_name": "Sequential", "config": {"layers": [inner]}}]}})) == [
        "bad"
    ]


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, "")  # load sets them
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(CompilationError, match=r"pip install 'neo-emulator\[tensorflow\]'"):
        load([tmp_path / "a.h5"], None)
