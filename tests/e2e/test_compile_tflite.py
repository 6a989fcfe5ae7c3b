"""TFLite models, quantised ones too: compiled, run, and held against LiteRT's interpreter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tflite")
pytest.importorskip("ai_edge_litert")

from frameworks.compiled import error, run_compiled

from neo_compiler.frontends.tflite.load import interpret

MODELS = Path(__file__).parents[1] / "frameworks" / "models"
"""A small convolutional net, converted by TensorFlow 2.21 in four ways. Input: input_1 [1, 16, 16, 3]."""


@pytest.mark.parametrize("kind", ["float", "f16", "int8", "uint8"])
def test_numbers_are_those_of_litert(kind: str, tmp_path: Path) -> None:
    path, dtype = MODELS / f"cnn_{kind}.tflite", kind if "int" in kind else "float32"
    data = np.random.default_rng(1).standard_normal((1, 16, 16, 3)) * (40 if "int" in kind else 1)
    inputs = [(data + (128 if kind == "uint8" else 0)).clip(-128, 255).astype(dtype)]
    outputs = run_compiled("TFLITE", path, {"input_1": [1, 16, 16, 3]}, inputs, tmp_path)
    expected = interpret(path.read_bytes(), inputs)
    assert np.abs(expected[0]).max() > 0.1
    assert error(outputs, expected) < (1e-6 if dtype == "float32" else 1e-9)
