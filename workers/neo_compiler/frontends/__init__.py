"""One module per framework, each with `load(files, config) -> Imported`; imported only when a job needs it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from neo_compiler.errors import CompilationError
from neo_compiler.input_config import Shape
from neo_compiler.tvm_import import load_tvm

if TYPE_CHECKING:
    from neo_compiler.frontends.base import Imported, Reference

Loader = Callable[[list[Path], "dict[str, Shape] | list[Shape] | None"], "Imported"]
"""(files of the archive, parsed DataInputConfig) -> the model. Raises InputConfigurationError."""

IMPORTERS: dict[str, str | None] = {
    "ONNX": "neo_compiler.frontends.onnx.load",
    "TFLITE": "neo_compiler.frontends.tflite.load",
    "MXNET": "neo_compiler.frontends.mxnet.load",
    "DARKNET": "neo_compiler.frontends.darknet.load",
    "XGBOOST": "neo_compiler.frontends.xgboost.load",
    "SKLEARN": "neo_compiler.frontends.sklearn.load",
    "PYTORCH": "neo_compiler.frontends.pytorch.load",
    "KERAS": "neo_compiler.frontends.tensorflow.keras",
    "TENSORFLOW": "neo_compiler.frontends.tensorflow.saved_model",
}
"""Framework -> the module that imports it, None where this version has none. Source: botocore's enum Framework."""

_TENSORFLOW = ("tensorflow", "tf2onnx", "tflite")
NEEDS: dict[str, tuple[str, ...]] = {
    "TFLITE": ("tflite",),
    "XGBOOST": ("treelite",),
    "SKLEARN": ("treelite", "sklearn", "joblib"),
    "PYTORCH": ("torch",),
    "KERAS": (*_TENSORFLOW, "keras", "h5py"),
    "TENSORFLOW": _TENSORFLOW,
}
"""Framework -> the modules that its importer needs beside those of the plain installation."""


def loader(framework: str) -> Loader:
    """The framework's `load`. Raises CompilationError when this version has none."""
    module = IMPORTERS.get(framework)
    if module is None:
        available = ", ".join(name for name, module in IMPORTERS.items() if module)
        raise CompilationError(f"Framework {framework} is not available in this version; there is {available}")
    load_tvm()
    load: Loader = importlib.import_module(module).load
    return load


def reference(framework: str) -> Reference | None:
    """The framework's `reference`, None when its importer has none."""
    module = IMPORTERS[framework]
    found: Reference | None = getattr(importlib.import_module(module), "reference", None) if module else None
    return found
