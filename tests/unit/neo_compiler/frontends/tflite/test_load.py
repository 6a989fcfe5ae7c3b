"""What the TFLITE importer takes and refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tflite")

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Tensor
from neo_compiler.frontends.tflite.load import CANNOT_CONVERT, CANNOT_LOAD, NOT_TFLITE, WRONG_COUNT, load

MODEL = Path(__file__).parents[4] / "frameworks" / "models" / "cnn_int8.tflite"


def complaint(files: list[Path], config: Any = None) -> str:
    with pytest.raises(InputConfigurationError) as error:
        load(files, config)
    return str(error.value)


def test_names_shapes_and_types_are_the_models_own() -> None:
    imported = load([MODEL], {"input_1": (1, -1, 16, 3)})
    assert imported.inputs == (Tensor("input_1", (1, 16, 16, 3), "int8"),)
    assert imported.outputs == (Tensor("Identity", (1, 5), "int8"),)
    assert imported.framework_version == "schema 3"


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"data": (1, 16, 16, 3)},
            "DataInputConfig names data, which the model does not have. The model's inputs: input_1",
        ),
        ({"input_1": (1, 3, 16, 16)}, "Input input_1 has wrong shape"),
    ],
)
def test_wrong_inputs(config: Any, text: str) -> None:
    assert text in complaint([MODEL], config)


def test_files(tmp_path: Path) -> None:
    assert complaint([tmp_path / "a.onnx"]) == WRONG_COUNT
    assert complaint([tmp_path / "a.tflite", tmp_path / "b.tflite"]) == WRONG_COUNT


def test_junk(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"junk" * 20)
    assert complaint([path]) == NOT_TFLITE
    path.write_bytes(MODEL.read_bytes()[:400])
    assert complaint([path]).startswith((CANNOT_LOAD, CANNOT_CONVERT))
