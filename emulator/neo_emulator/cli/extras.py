"""The optional parts of the package (extras): what each is for, and whether it is installed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

PROJECT = "neo-emulator"


@dataclass(frozen=True)
class Extra:
    """One extra of pyproject.toml that users choose."""

    name: str
    purpose: str
    first: str = ""  # what Linux has to run before
    why: str = ""  # it has to

    @property
    def install(self) -> str:
        """The line for a shell that installs it."""
        line = f"pip install '{PROJECT}[{self.name}]'"
        return f"{self.first} && {line}" if self.first and sys.platform == "linux" else line

    def packages(self) -> dict[str, str | None]:
        """What it asks for on this machine: package -> its version here, None where it is not installed."""
        asked = (Requirement(line) for line in requires(PROJECT) or ())
        return {
            one.name: _version(one.name)
            for one in asked
            if one.marker and one.marker.evaluate({"extra": self.name}) and not one.marker.evaluate({"extra": ""})
        }


EXTRAS = (
    Extra("trees", "XGBOOST and SKLEARN models"),
    Extra("tflite", "TFLITE models"),
    Extra("tensorflow", "KERAS and TENSORFLOW models (1.3 GB)"),
    Extra(
        "torch",
        "PYTORCH models",
        first='pip install torch --index-url "$PYTORCH_CPU_INDEX"',
        why="PyPI's torch brings gigabytes of CUDA on Linux; the index of CPU builds stands on pytorch.org/get-started",
    ),
    Extra("coreml", "the target coreml"),
    Extra("cuda12", "GPU codes from sm_100 on"),
    Extra("demo", "the demo: its model, ONNX Runtime and dlr"),
    Extra("otel", "traces of jobs (NEO_EMULATOR_OTEL)"),
    Extra("flower", "Celery's monitor"),
)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
