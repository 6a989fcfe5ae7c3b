"""Builds one product with one tile as a model, and times such models in a separate process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import tvm
from tvm import relax
from tvm.target import Target

from neo_compiler.artifact import params
from neo_compiler.artifact.bundle import PARAMS
from neo_compiler.codegen import machine_code, static_plan
from neo_compiler.codegen.extract_plan import extract
from neo_compiler.codegen.link import link_kernels
from neo_compiler.lowering.cpu.cost_model import Tile
from neo_compiler.lowering.cpu.tile_selection import BATCHED, MATMUL, Choices, Product
from neo_compiler.lowering.lower import lower
from neo_compiler.tvm_types import Expr
from neo_targets.spec import TargetSpec

R = relax.op


class TrialError(RuntimeError):
    """A trial failed; the text is the reason."""


def write(product: Product, tile: Tile, spec: TargetSpec, target: Target, folder: Path) -> None:
    """Writes a model for libdlr to `folder`: relu(product + vector), with `tile`.

    Raises TrialError if the product cannot have that tile, and what the compiler raises.
    """
    folder.mkdir(parents=True)
    choices = Choices({product.name: tile.text})
    lowered = lower(module(product), target, choices=choices)
    if set(choices.used) != {product.name}:
        raise TrialError("it is compiled to another kernel")
    inputs = ["x", "y"] if product.kind == BATCHED else ["x"]
    made = extract(lowered.module, inputs, ["result"], lowered.weights)
    library = link_kernels(machine_code.write_kernels(lowered.module, target, folder), spec, folder)
    offsets = params.write(made.weights, folder / PARAMS)
    (folder / static_plan.FILE).write_text(made.to_json(library.name, PARAMS, offsets), encoding="utf-8")
    shutil.copyfile(spec.runtime.path, folder / spec.runtime.path.name)


def module(product: Product) -> tvm.IRModule:
    """main(x[, y]) -> relu(product + vector) with random weights, equal for equal products."""
    random = np.random.default_rng(3)

    def weight(*shape: int) -> Expr:
        return relax.const(random.standard_normal(shape).astype("float32") * 0.1)

    x = relax.Var("x", relax.TensorType(product.data, "float32"))
    y = relax.Var("y", relax.TensorType(product.weight, "float32"))
    builder = relax.BlockBuilder()
    with builder.function("main", [x, y] if product.kind == BATCHED else [x]):
        with builder.dataflow():
            if product.kind == BATCHED:
                made = R.matmul(x, y)
            elif product.kind == MATMUL:
                made = R.matmul(x, weight(*product.weight))
            else:
                strides, padding, dilation = (list(numbers) for numbers in product.window)
                made = R.nn.conv2d(x, weight(*product.weight), strides, padding, dilation, 1, "NHWC", "HWIO")
            made = builder.emit(R.add(builder.emit(made), weight(product.columns)))
            result = builder.emit_output(R.nn.relu(made))
        builder.emit_func_output(result)
    return builder.get()


class Racer:
    """The process of `measure`, with the models loaded into it. A context manager."""

    def __init__(self, library: str) -> None:
        """`library` is the file name of libdlr in a model's folder."""
        self._library = library
        self._folders: list[Path] = []
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-P", "-m", "neo_compiler.tuning.measure"]
        threads = dict.fromkeys(("TVM_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        environment = {**os.environ, **threads}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def count(self) -> int:
        """The number of loaded models; their indices start at 0."""
        return len(self._folders)

    def load(self, folder: Path, deadline: float) -> float:
        """Loads a model. Returns the difference of its outputs from the first model's.

        Raises TrialError if it crashes or hangs; the other models are then reloaded in a new process.
        """
        try:
            error = float(self._ask(["load", str(folder), self._library], deadline))
        except TrialError:
            self._end()
            self._start()
            for known in self._folders:
                self._ask(["load", str(known), self._library], deadline)
            raise
        self._folders.append(folder)
        return error

    def time(self, indices: list[int], seconds: float, deadline: float) -> list[float]:
        """Seconds per run of each of these models, measured in turns for `seconds`. Raises TrialError."""
        return [float(value) for value in self._ask(["time", indices, seconds], deadline)]

    def _ask(self, question: object, deadline: float) -> Any:
        """The reply; `deadline` is a time of time.monotonic(). Raises TrialError."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(json.dumps(question).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise TrialError(self._death()) from None
        while b"\n" not in self._heard:
            ready, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TrialError("it took too long")
            if not (data := os.read(stdout.fileno(), 1 << 16)):
                raise TrialError(self._death())
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        return json.loads(line)

    def _death(self) -> str:
        code = self._process.wait(10)
        return f"it was killed by signal {-code}" if code < 0 else f"it ended with status {code}"

    def _end(self) -> None:
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()
