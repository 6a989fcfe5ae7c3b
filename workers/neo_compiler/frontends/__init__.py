"""The frameworks: one table, and one folder per framework, whose loader is imported on demand."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neo_compiler.errors import CompilationError
from neo_compiler.input_config import Shape
from neo_compiler.tvm_import import load_tvm

if TYPE_CHECKING:
    from neo_compiler.frontends.base import Imported, Reference

Loader = Callable[[list[Path], "dict[str, Shape] | list[Shape] | None"], "Imported"]
"""(files of the archive, parsed DataInputConfig) -> the model. Raises InputConfigurationError."""


@dataclass(frozen=True)
class Framework:
    """Facts about a framework. Docs, `doctor` and error texts are generated from them."""

    module: str  # below neo_compiler.frontends: has `load`, and `reference` where the framework can be asked
    files: str  # the archive's rule
    endings: tuple[str, ...]  # of file names that tell the framework
    layout: str  # of images in DataInputConfig and in the compiled model
    versions: str  # of the file format
    modules: tuple[str, ...] = ()  # that must be importable, beside those of the plain installation
    extra: str | None = None  # of pyproject.toml, with those modules; None when the plain installation has all
    size: str = ""  # of the extra, where it is large


_TENSORFLOW = ("tensorflow", "tf2onnx", "tflite")

FRAMEWORKS: dict[str, Framework] = {
    "ONNX": Framework(
        module="onnx.load",
        files="one .onnx file, and the files of its external data",
        endings=(".onnx",),
        layout="as the model has it",
        versions="opsets from 1 up to that of the installed onnx",
    ),
    "TFLITE": Framework(
        module="tflite.load",
        files="one .tflite file",
        endings=(".tflite",),
        layout="as the model has it, mostly NHWC",
        versions="schema version 3; built-in operators",
        modules=("tflite",),
        extra="tflite",
    ),
    "MXNET": Framework(
        module="mxnet.load",
        files="one PREFIX-symbol.json and PREFIX-NNNN.params; of several .params the highest number counts",
        endings=(".params",),
        layout="NCHW",
        versions="graphs of MXNet 0.8 to 1.9",
    ),
    "DARKNET": Framework(
        module="darknet.load",
        files="one .cfg and one .weights file",
        endings=(".weights", ".cfg"),
        layout="NCHW",
        versions="weights files of versions 0.1 to 0.2",
    ),
    "XGBOOST": Framework(
        module="xgboost.load",
        files="one file of any name; of several the one whose name ends with xgboost-model-0",
        endings=(".ubj",),
        layout="[rows, features]",
        versions="JSON, UBJSON, the binary form of XGBoost before 3, pickled Boosters; trees, DART and linear boosters",
        modules=("treelite",),
        extra="trees",
    ),
    "SKLEARN": Framework(
        module="sklearn.load",
        files="one .joblib or .skops file",
        endings=(".joblib", ".pkl"),
        layout="[rows, columns]",
        versions="estimators of the installed scikit-learn; older ones where it can read them",
        modules=("treelite", "sklearn", "joblib"),
        extra="trees",
    ),
    "PYTORCH": Framework(
        module="pytorch.load",
        files="one .pth, .pt or .pt2 file",
        endings=(".pt", ".pth"),
        layout="as the model has it, mostly NCHW",
        versions="TorchScript (torch.jit.trace, torch.jit.script); as an extra, programs of torch.export",
        modules=("torch",),
        extra="torch",
    ),
    "KERAS": Framework(
        module="tensorflow.keras",
        files="one .h5 file; as an extra .keras",
        endings=(".h5", ".keras"),
        layout="NCHW, though the model has NHWC; outputs of four dimensions too",
        versions="what the installed Keras 3 reads: its own files, mostly Keras 2's",
        modules=(*_TENSORFLOW, "keras", "h5py"),
        extra="tensorflow",
        size="1.3 GB",
    ),
    "TENSORFLOW": Framework(
        module="tensorflow.saved_model",
        files="one SavedModel (.pb or .pbtxt, and its folder variables), or one frozen graph (.pb or .pbtxt)",
        endings=(".pb",),
        layout="NHWC",
        versions="what the installed TensorFlow 2 reads; the signature serving_default, or the only one",
        modules=_TENSORFLOW,
        extra="tensorflow",
        size="1.3 GB",
    ),
}
"""By the service's name. Source: botocore's enum Framework."""


def check(framework: str) -> None:
    """Raises CompilationError for a framework that is not in the table. Loads nothing."""
    if framework not in FRAMEWORKS:
        available = ", ".join(FRAMEWORKS)
        raise CompilationError(f"Framework {framework} is not available in this version; available: {available}")


def loader(framework: str) -> Loader:
    """The framework's `load`. Raises CompilationError for one that is not in the table."""
    check(framework)
    load_tvm()
    load: Loader = _module(framework).load  # type: ignore[attr-defined]
    return load


def reference(framework: str) -> Reference | None:
    """The framework's `reference`, None when it has none."""
    found: Reference | None = getattr(_module(framework), "reference", None)
    return found


def _module(framework: str) -> object:
    return importlib.import_module(f"neo_compiler.frontends.{FRAMEWORKS[framework].module}")
