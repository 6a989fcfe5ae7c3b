"""The result of every frontend."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from neo_compiler.errors import CompilationError, InputConfigurationError
from neo_compiler.frontends import FRAMEWORKS
from neo_compiler.tvm_types import IRModule

Array = npt.NDArray[Any]

Reference = Callable[[list[Path], Mapping[str, Array]], list[Array]]
"""An importer's optional `reference(files, inputs)`: what the source framework itself computes for `inputs`, which are
named and laid out as those of the compiled model; the outputs in the order of Imported.outputs.

Raises ImportError where the framework is not installed, any other error for values that the model cannot take.
"""


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
    """A model in relax: one function `main` with its weights as constants."""

    module: IRModule
    inputs: tuple[Tensor, ...]  # in the order of main's parameters
    outputs: tuple[Tensor, ...]
    framework_version: str  # from the model file


def one_file(files: list[Path], endings: tuple[str, ...], none: str, many: str) -> Path:
    """The only visible file with one of `endings`. Raises InputConfigurationError of text `none` or `many`."""
    found = visible(files, *endings)
    if len(found) != 1:
        raise InputConfigurationError(many if found else none)
    return found[0]


def optional(module: str, framework: str, hint: str = "") -> Any:
    """An optional dependency's module. Raises CompilationError that names the extra to install, and adds `hint`."""
    extra = FRAMEWORKS[framework].extra
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise CompilationError(
            f"Framework {framework} needs {module.partition('.')[0]}, which is not installed on the worker: "
            f"pip install 'neo-emulator[{extra}]'{hint and f' ({hint})'}, or start a worker that has it "
            "(docs/how-to/compose.md)"
        ) from error


def random_text(operator: str, hint: str = "") -> str:
    """Why a model with a random operator is refused: compiled, it would give one sample for ever, or none."""
    return f"{operator} gives other numbers in every run, which a compiled model cannot{hint and '; '}{hint}"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Inside, frameworks may warn of what they deprecate without anybody hearing it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def visible(files: list[Path], *endings: str) -> list[Path]:
    """The files with one of `endings` (lower case); hidden ones do not count, as in Neo's own loader."""
    return [path for path in files if not path.name.startswith(".") and path.name.lower().endswith(endings)]
