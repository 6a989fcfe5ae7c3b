"""The optional parts of the package (extras): what each is for, and whether it is installed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from neo_compiler.frontends import FRAMEWORKS

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


def _of_frameworks() -> dict[str, str]:
    """Extra -> what it is for, of those that frameworks need."""
    names: dict[str, list[str]] = {}
    for name, framework in FRAMEWORKS.items():
        if framework.extra:
            names.setdefault(framework.extra, []).append(name)
    sizes = {row.extra: f" ({row.size})" for row in FRAMEWORKS.values() if row.size}
    return {extra: f"{' and '.join(found)} models{sizes.get(extra, '')}" for extra, found in names.items()}


_FIRST = {
    "torch": {
        "first": 'pip install torch --index-url "$PYTORCH_CPU_INDEX"',
        "why": "PyPI's torch brings gigabytes of CUDA on Linux; pytorch.org/get-started names the index of CPU builds",
    }
}

EXTRAS = (
    *(Extra(name, purpose, **_FIRST.get(name, {})) for name, purpose in _of_frameworks().items()),
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
