"""Darknet networks with random weights, written by script; OpenCV's dnn is the source framework."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from support.darknet import CLASSIFIER, TINY_YOLO, YOLO_V2, Net, opencv
from support.framework_models import Array, Arrays, Files, Model

FRAMEWORK = "DARKNET"


def _expected(files: Files, inputs: Arrays) -> list[Array]:
    pytest.importorskip("cv2")
    (data,) = inputs.values()
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder, name) for name in files}
        for name, path in paths.items():
            path.write_bytes(files[name])
        return opencv(paths["model.cfg"], paths["model.weights"], data)


def _model(name: str, net: Net) -> Model:
    def image() -> Arrays:
        return {"data": np.random.default_rng(3).random(net.shape, dtype="float32")}

    return Model(name, "image", "layers as in its cfg, random weights", net.files, None, image, _expected)


MODELS = [
    _model("tiny-yolo (v4 blocks)", TINY_YOLO),
    _model("yolo v2 (reorg)", YOLO_V2),
    _model("classifier", CLASSIFIER),
]
