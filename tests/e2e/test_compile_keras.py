"""Keras and TensorFlow models: compiled, run, and held against Keras; models that hold code are refused."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

if not all(importlib.util.find_spec(name) for name in ("tensorflow", "tf2onnx", "tflite")):
    pytest.skip("needs neo-emulator[tensorflow]", allow_module_level=True)

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, "-m", "frameworks.keras_check", str(tmp_path_factory.mktemp("keras"))],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    numbers: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return numbers


def test_numbers_are_those_of_keras(found: dict[str, Any]) -> None:
    errors = {name: value for name, value in found.items() if isinstance(value, float)}
    assert len(errors) == 12
    assert {name: value for name, value in errors.items() if not value < 1e-5} == {}


@pytest.mark.parametrize("framework", ["KERAS", "TENSORFLOW"])
def test_a_trained_model(framework: str, found: dict[str, Any]) -> None:
    """TensorFlow's is one that Keras 2 saved with its optimizer, whose slots Keras 3 cannot restore."""
    if isinstance(found[f"real {framework}"], str):
        pytest.skip(found[f"real {framework}"])
    error, allowed = found[f"real {framework}"]
    assert error < allowed


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_code_in_a_model_does_not_run(ending: str, found: dict[str, Any]) -> None:
    assert "is a Lambda, whose Python code this service does not run" in found[f"hostile.{ending}"]


def test_random_numbers_are_refused(found: dict[str, Any]) -> None:
    assert "RANDOM_STANDARD_NORMAL gives other numbers in every run" in found["random"]


def test_torch_is_not_loaded_beside_tensorflow(found: dict[str, Any]) -> None:
    assert found["torch"] is False
