"""TensorFlow: SavedModels and frozen graphs, one of them a trained one out of a wheel."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from frameworks.keras_nets import freeze
from support import real_models
from support.framework_models import Files, Model
from support.framework_models.keras import LOGITS, audio, built, image, mobilenet, text

FRAMEWORK = "TENSORFLOW"
MUSIC = "basic-pitch==0.4.0"
FOLDER = "basic_pitch/saved_models/icassp_2022/nmp/"


def densenet(keras: Any) -> Any:
    return keras.applications.DenseNet121(weights=None, input_tensor=image(keras, 64), **LOGITS)


def _music() -> Files:
    pytest.importorskip("tf2onnx")
    return real_models.folder_from_wheel(MUSIC, FOLDER)


def _saved(build: Callable[[Any], Any], kind: str, key: str, *shape: int) -> Model:
    def files() -> Files:
        model = built(build)
        with tempfile.TemporaryDirectory() as folder:
            model.export(folder, verbose=False)
            paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
            return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    return Model(f"{build.__name__} (saved)", kind, "made by script, random weights", files, {key: list(shape)})


def _frozen(build: Callable[[Any], Any], kind: str, key: str, *shape: int) -> Model:
    def files() -> Files:
        model = built(build)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.pb")
            freeze(model, path)
            return {path.name: path.read_bytes()}

    return Model(f"{build.__name__} (frozen)", kind, "made by script, random weights", files, {key: list(shape)})


MODELS = [
    Model("basic-pitch (saved)", "audio", f"PyPI {MUSIC}", _music, {"input_2": [1, 43844, 1]}),
    _saved(densenet, "image", "image", 1, 64, 64, 3),
    _saved(audio, "audio", "frames", 1, 400, 16),
    _saved(text, "text", "words", 1, 24),
    _frozen(mobilenet, "image", "image", 1, 96, 96, 3),
]
