"""Models compiled once per test process and unpacked, as a user's device has them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from e2e.compiling import compile_case, difference, truth
from e2e.models import CASES, Arrays, Case
from support import quantised, real_models, tabular_models

from neo_compiler.compilation import Compilation
from neo_compiler.storage.archive import unpack

PLATFORM = {"Os": "LINUX", "Arch": "X86_64"}
MODELS = {**CASES, **real_models.CASES, **tabular_models.CASES, "quantised": quantised.case}
"""The runtime's test set."""


@dataclass(frozen=True)
class Built:
    """An artifact in a folder, beside what it should compute."""

    case: Case
    work: Compilation
    folder: Path
    inputs: Path  # .npz
    truth: Arrays  # ONNX Runtime's

    def error(self, outputs: Path | Arrays) -> float:
        """The largest absolute difference from ONNX Runtime."""
        found = dict(np.load(outputs)) if isinstance(outputs, Path) else outputs
        return difference(found, self.truth)


class Artifacts:
    """Compiles on demand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: dict[tuple[str, str], Built] = {}

    def get(self, model: str, target: str | dict[str, str] | None = None) -> Built:
        """The artifact of a model in MODELS for a target, by default any x86-64 machine."""
        wanted: Any = PLATFORM if target is None else target
        key = model, str(wanted)
        if key not in self._built:
            folder = self._folder / f"{model}-{len(self._built)}"
            case = _case(model)
            work = compile_case(case, wanted, folder)
            unpack(work.archive, folder / "artifact", 1 << 32, 64)
            np.savez(folder / "inputs.npz", **case.inputs)  # type: ignore[arg-type]
            self._built[key] = Built(case, work, folder / "artifact", folder / "inputs.npz", _truth(model))
        return self._built[key]


@cache
def _case(model: str) -> Case:
    return MODELS[model]()


@cache
def _truth(model: str) -> Arrays:
    return truth(_case(model))
