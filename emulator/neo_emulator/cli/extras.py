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
    first: str = ""  # command to run first, on Linux
    why: str = ""  # reason for that command

    @property
    def install(self) -> str:
        """The shell command that installs it."""
        line = f"pip install '{PROJECT}[{self.name}]'"
        return f"{self.first} && {line}" if self.first and sys.platform == "linux" else line

    def packages(self) -> dict[str, str | None]:
        """The packages it needs on this platform, with their installed version, None if not installed."""
        asked = (Requirement(line) for line in requires(PROJECT) or ())
        return {
            one.name: _version(one.name)
            for one in asked
            if one.marker and one.marker.evaluate({"extra": self.name}) and not one.marker.evaluate({"extra": ""})
        }


def _of_frameworks() -> dict[str, str]:
    """The purpose of each extra that frameworks need."""
    names: dict[str, list[str]] = {}
    for name, framework in FRAMEWORKS.items():
        if framework.extra:
            names.setdefault(framework.extra, []).append(name)
    sizes = {row.extra: f" ({row.size})" for row in FRAMEWORKS.values() if row.size}
    return {extra: f"{' and '.join(found)} models{sizes.get(extra, '')}" for extra, found in names.items()}


_FIRST = {
    "torch": {
        "first": 'pip install torch --index-url "$PYTORCH_CPU_INDEX"',
        "why": "PyPI's torch includes gigabytes of CUDA on Linux; for the index of CPU builds see pytorch.org",
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
