"""Core ML: the model's specification is read by coremltools. Running it needs macOS."""

from __future__ import annotations

import tarfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from e2e.compiling import compile_archive, request, tar_gz
from e2e.models import CASES
from runtime.targets import load_coreml

from neo_compiler.errors import CompilationError, InputConfigurationError
from neo_compiler.runtime.execute import CannotRun, load_artifact

pytestmark = pytest.mark.skipif(find_spec("coremltools") is None, reason="pip install 'neo-emulator[coreml]'")
LABELS = "\n".join(f"class {index}" for index in range(10)).encode()
OPTIONS = '{"class_labels": "labels.txt"}'


def test_classifier(tmp_path: Path) -> None:
    case = CASES["conv"]()
    files = {"model.onnx": case.model, "labels.txt": LABELS}
    work = compile_archive(tar_gz(files), request("coreml", case.shapes, OPTIONS), tmp_path)
    assert work.library is not None
    spec = load_coreml(work.library)
    assert spec.WhichOneof("Type") == "neuralNetworkClassifier"
    assert list(spec.neuralNetworkClassifier.stringClassLabels.vector) == LABELS.decode().splitlines()
    assert [(item.name, list(item.type.multiArrayType.shape)) for item in spec.description.input] == [
        ("data", [1, 3, 32, 32])
    ]
    with tarfile.open(work.archive) as tar:
        assert set(tar.getnames()) == {"compiled.mlmodel", "compiled.meta", "manifest"}
    with pytest.raises(CannotRun, match="coreml is a Core ML model, which macOS and iOS run"):
        load_artifact(work.archive)


def test_transformer_without_labels(tmp_path: Path) -> None:
    case = CASES["transformer"]()
    work = compile_archive(tar_gz({"model.onnx": case.model}), request("coreml", case.shapes), tmp_path)
    assert work.library is not None
    spec = load_coreml(work.library)
    assert spec.WhichOneof("Type") == "neuralNetwork"
    assert [item.name for item in spec.description.output] == ["y"]
    assert len(spec.neuralNetwork.layers) > 20


def test_labels_must_be_there(tmp_path: Path) -> None:
    case = CASES["conv"]()
    with pytest.raises(InputConfigurationError, match=r"there is no file labels\.txt in the model's archive"):
        compile_archive(tar_gz({"model.onnx": case.model}), request("coreml", case.shapes, OPTIONS), tmp_path)


def test_an_operator_that_core_ml_lacks_is_named(tmp_path: Path) -> None:
    case = CASES["magika"]()
    with pytest.raises(
        CompilationError, match=r"operator relax\.strided_slice is not supported for Core ML; supported are "
    ):
        compile_archive(tar_gz({"model.onnx": case.model}), request("coreml", case.shapes), tmp_path)
