"""Compiles and runs the rows: for the table and for tests of single rows."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from e2e.compiling import compile_archive, request, tar_gz
from support.framework_models import Array, Model

from neo_compiler import frontends
from neo_compiler.compilation import Compilation
from neo_compiler.runtime.execute import load_artifact
from neo_compiler.self_check import random_inputs

ARCH = {"x86_64": "X86_64", "aarch64": "ARM64"}
INTEGER_BOUND = 100


@dataclass(frozen=True)
class Result:
    import_seconds: float
    compile_seconds: float
    max_error: float  # absolute
    allowed: float

    @property
    def good(self) -> bool:
        return self.max_error <= self.allowed


def run(framework: str, model: Model, folder: Path) -> Result:
    """The row's figures. Raises CompileError, or pytest's Skipped."""
    files = model.files()
    wanted = request({"Os": "LINUX", "Arch": ARCH[platform.machine()]}, model.config)
    wanted["InputConfig"]["Framework"] = framework
    times: dict[str, float] = {}

    def timed(step: str) -> None:
        times[step] = time.perf_counter()

    work = compile_archive(tar_gz(files), wanted, folder, timed)
    times["end"] = time.perf_counter()
    assert work.imported is not None
    inputs = dict(model.inputs()) if model.inputs else random_inputs(work.imported, INTEGER_BOUND)
    outputs = load_artifact(work.archive).run(inputs)
    expected = _expected(framework, model, files, inputs, work)
    pairs = [(outputs[item.name], right) for item, right in zip(work.imported.outputs, expected, strict=True)]
    worst = max(_error(left, np.asarray(right)) for left, right in pairs)
    largest = max((float(np.abs(right).max()) for right in expected if np.size(right)), default=0.0)
    return Result(
        times["compile"] - times["import"], times["end"] - times["compile"], worst, model.max_error * max(1.0, largest)
    )


def _expected(
    framework: str, model: Model, files: dict[str, bytes], inputs: dict[str, Array], work: Compilation
) -> list[Array]:
    if model.expected:
        return model.expected(files, inputs)
    reference = frontends.reference(framework)
    assert reference is not None, f"{framework} has no reference, {model.name} must bring its own"
    return reference(work.files, inputs)


def _error(left: Array, right: Array) -> float:
    assert left.shape == right.shape, f"shape {left.shape}, expected {right.shape}"
    same = (left == right) | (np.isnan(left.astype("f8")) & np.isnan(right.astype("f8")))
    return float(np.max(np.where(same, 0, np.abs(left.astype("f8") - right.astype("f8"))), initial=0.0))
