"""Small relax modules, lowered by the product and by TVM's stock pipeline, and run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tvm
from tvm import relax
from tvm.target import Target

from neo_compiler.codegen import machine_code
from neo_compiler.lowering.cpu import pipeline
from neo_compiler.lowering.cpu.pipeline import Lowered
from neo_compiler.lowering.lower import OPT_LEVEL, PASS_CONFIG

Array = np.ndarray
Body = Callable[[relax.BlockBuilder, Any], Any]

CPUS = {"sse": "x86-64-v2", "avx2": "haswell", "avx512": "skylake-avx512"}


def weight(*shape: int, seed: int = 5) -> Any:
    """A constant of normal numbers."""
    return relax.const(np.random.default_rng(seed).standard_normal(shape).astype("float32") * 0.2)


def sample(*shape: int) -> Array:
    return np.random.default_rng(9).standard_normal(shape).astype("float32")


def module(body: Body, *shapes: Sequence[int], dtype: str = "float32") -> tvm.IRModule:
    """main(x0, x1, ...) = body(builder, x0, x1, ...)"""
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{index}", relax.TensorType(tuple(shape), dtype)) for index, shape in enumerate(shapes)]
    with builder.function("main", inputs):
        with builder.dataflow():
            result = builder.emit_output(body(builder, *inputs))
        builder.emit_func_output(result)
    return builder.get()


def target(cpu: str = "") -> Target:
    """This machine's CPU, or a named one of the same architecture."""
    return Target({"kind": "llvm", "mcpu": cpu} if cpu else "llvm")


def lower(made: tvm.IRModule, cpu: str | Target = "") -> Lowered:
    wanted = target(cpu) if isinstance(cpu, str) else cpu
    with wanted, tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
        return pipeline.lower(made, wanted)


def stock(made: tvm.IRModule, *inputs: Array) -> Array:
    """What TVM's own pipeline computes."""
    executable = tvm.compile(made, target=target())
    return _run(executable, list(inputs))


def run(lowered: Lowered, *inputs: Array, cpu: str = "") -> Array:
    """What the product's kernels compute."""
    wanted = target(cpu)
    executable = machine_code.generate(lowered.separated.module, wanted)
    return _run(executable, [*inputs, *lowered.separated.weights.values()])


def _run(executable: Any, arguments: list[Array]) -> Array:
    machine = relax.VirtualMachine(executable, tvm.cpu())
    return machine["main"](*(tvm.runtime.tensor(argument) for argument in arguments)).numpy()


def check(body: Body, *shapes: Sequence[int], cpu: str = "", tolerance: float = 1e-5) -> Lowered:
    """Lowers on the fastest level, with a schedule for each kernel; the numbers are those of TVM's pipeline."""
    made = module(body, *shapes)
    lowered = lower(made, cpu)
    assert (lowered.level, lowered.refused, lowered.unscheduled) == ("fast", {}, {})
    inputs = [sample(*shape) for shape in shapes]
    expected, found = stock(made, *inputs), run(lowered, *inputs, cpu=cpu)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max())
    return lowered
