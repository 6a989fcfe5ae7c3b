"""The process that times kernels: `python -m neo_compiler.tuning.measure`. Does not import tvm.

Each line of its input is a JSON list, with one line of JSON as reply. A crash ends only this process.

    ["load", folder, library]   -> the largest difference from the first model's outputs, relative to their maximum
    ["time", [index, ...], s]   -> seconds per run of each, measured in turns for s seconds
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neo_compiler.codegen.static_plan import FILE
from neo_compiler.runtime import dlr

Array = npt.NDArray[Any]

MIN_ROUNDS, MAX_ROUNDS = 7, 400
QUANTILE = 0.25
"""Quantile of a kernel's times: low ones are undisturbed, but the lowest are outliers."""

SEED = 7


def main() -> None:
    """Replies to requests until the end of its input."""
    models: list[dlr.Model] = []
    first: list[Array] = []
    for line in sys.stdin:
        match json.loads(line):
            case ["load", str(folder), str(library)]:
                model, results = load(Path(folder), library)
                models.append(model)
                first = first or results
                answer: Any = difference(first, results)
            case ["time", list(indices), seconds]:
                answer = timed([models[index] for index in indices], float(seconds))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def load(folder: Path, library: str) -> tuple[dlr.Model, list[Array]]:
    """Loads a model and runs it on random inputs, which are equal for equal input shapes."""
    plan = json.loads((folder / FILE).read_text(encoding="utf-8"))
    random = np.random.default_rng(SEED)
    inputs = {
        name: random.standard_normal(plan["tensors"][index][3]).astype("float32") for name, index in plan["inputs"]
    }
    model = dlr.Model(folder, library)
    return model, list(model.run(inputs).values())


def difference(expected: list[Array], found: list[Array]) -> float:
    """The largest difference relative to the largest value. NaN counts as infinite."""
    worst = 0.0
    for left, right in zip(expected, found, strict=True):
        error = float(np.abs(left - right).max()) / max(1e-6, float(np.abs(left).max()))
        worst = max(worst, error if np.isfinite(error) else float("inf"))
    return worst


def timed(models: list[dlr.Model], seconds: float) -> list[float]:
    """Seconds per run of each model. Taking turns evicts their weights from the nearest caches, as in a complete
    model."""
    times: list[list[float]] = [[] for _ in models]
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < MIN_ROUNDS or (rounds < MAX_ROUNDS and time.perf_counter() < end):
        for model, taken in zip(models, times, strict=True):
            begun = time.perf_counter()
            model.execute()
            taken.append(time.perf_counter() - begun)
        rounds += 1
    return [float(np.quantile(taken, QUANTILE)) for taken in times]


if __name__ == "__main__":
    main()
