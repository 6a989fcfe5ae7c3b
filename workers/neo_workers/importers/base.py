"""What every importer gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

IRModule = Any
"""tvm.IRModule; tvm is untyped."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of the compiled model."""

    name: str
    shape: tuple[int, ...] | None  # None: known only at run time
    dtype: str  # numpy's name

    def __str__(self) -> str:
        return f"{self.name} {'of unknown shape' if self.shape is None else list(self.shape)} {self.dtype}"


@dataclass(frozen=True)
class Imported:
    """A model as relax sees it: one function `main`, its weights as constants."""

    module: IRModule
    inputs: tuple[Tensor, ...]  # in the order of main's parameters
    outputs: tuple[Tensor, ...]
    framework_version: str  # as the model file states it


def visible(files: list[Path], *endings: str) -> list[Path]:
    """The files with one of `endings` (lower case); hidden ones do not count, as in Neo's own loader."""
    return [path for path in files if not path.name.startswith(".") and path.name.lower().endswith(endings)]
