"""Where a compiled model's time goes: `python -m tests.bench.kernels [models] [--top 12]` times each of its kernels.

One thread. Every call of the artifact's static plan is made in its turn, on numbers drawn once, and its fastest time
counts; the sum is the model's without what happens between kernels. GFLOP/s stand beside products alone: their
multiplications and additions, of Winograd's form those of the convolution it stands for.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ["TVM_NUM_THREADS"] = "1"

import numpy as np
import tvm

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))  # of e2e and support

from bench.speed import compiled, host_cpu  # noqa: E402 - found by the path above
from bench.zoo import MODELS  # noqa: E402

SECONDS, MOST_ROUNDS, LEAST_ROUNDS = 5.0, 60, 10
Call = tuple[str, Any, list[Any]]


def main() -> None:
    """Prints the kernels of every model named, the slowest first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--mcpu", default="")
    parser.add_argument("--top", type=int, default=12)
    options = parser.parse_args()
    for name in options.names or MODELS:
        artifact, _ = compiled(name, MODELS[name](), options.mcpu or host_cpu())
        plan = artifact / "compiled_model.json"
        found = calls(artifact, json.loads(plan.read_text()))
        table(name, found, fastest(found), options.top)


def calls(artifact: Path, plan: dict[str, Any]) -> list[Call]:
    """(kernel, its function, its arguments) of each call, on tensors of random numbers and the model's own weights."""
    weights, random = (artifact / plan["params"]).read_bytes(), np.random.default_rng(0)
    library = tvm.runtime.load_module(str(artifact / plan["lib"]))

    def tensor(kind: str, offset: int, dtype: str, shape: list[int]) -> Any:
        if kind == "p":
            array = np.frombuffer(weights, dtype, math.prod(shape), offset).reshape(shape)
        elif dtype.startswith("float"):
            array = (random.standard_normal(shape) * 0.1).astype(dtype)
        else:
            array = random.integers(0, 2, shape).astype(dtype)
        return tvm.runtime.tensor(np.ascontiguousarray(array))

    tensors = [tensor(*row) for row in plan["tensors"]]

    def argument(value: Any) -> Any:
        return tensors[value] if isinstance(value, int) else next(iter(value.values()))

    return [(kernel, library[kernel], [argument(value) for value in values]) for kernel, *values in plan["calls"]]


def fastest(made: list[Call]) -> list[float]:
    """Seconds of each call."""
    best, begun, rounds = [math.inf] * len(made), time.perf_counter(), 0
    while rounds < LEAST_ROUNDS or (time.perf_counter() - begun < SECONDS and rounds < MOST_ROUNDS):
        for index, (_, function, arguments) in enumerate(made):
            start = time.perf_counter()
            function(*arguments)
            best[index] = min(best[index], time.perf_counter() - start)
        rounds += 1
    return best


def table(name: str, made: list[Call], seconds: list[float], top: int) -> None:
    """Prints the kernels that take most of the time, equal ones in one row."""
    print(f"{name}: {sum(seconds) * 1e3:.3f} ms in {len(made)} kernels")
    times: dict[str, list[float]] = defaultdict(list)
    arguments = {}
    for (kernel, _, values), taken in zip(made, seconds, strict=True):
        times[kernel].append(taken)
        arguments[kernel] = [tuple(value.shape) for value in values if hasattr(value, "shape")]
    for kernel, taken in sorted(times.items(), key=lambda item: -sum(item[1]))[:top]:
        share = sum(taken) / sum(seconds)
        speed = flops(kernel, arguments[kernel]) * len(taken) / sum(taken) / 1e9
        shapes = " ".join("x".join(map(str, shape)) for shape in arguments[kernel])
        print(f"{share:7.1%}{sum(taken) * 1e3:9.3f} ms{len(taken):4} x {speed:5.0f} GFLOP/s  {kernel[:48]}  {shapes}")


def flops(kernel: str, shapes: list[tuple[int, ...]]) -> float:
    """Multiplications and additions of a product with a packed weight, the second argument; 0 for anything else."""
    if len(shapes) < 2 or not any(kind in kernel for kind in ("neo_convolution", "neo_matmul", "neo_winograd")):
        return 0.0
    weight, points = shapes[1], math.prod(shapes[-1][:-1])
    depth = 9 * weight[-2] if "winograd" in kernel else math.prod(weight[1:-1])
    return 2.0 * points * depth * shapes[-1][-1]


if __name__ == "__main__":
    main()
