"""Lowers a module and makes machine code of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tvm
from tvm import relax
from tvm.target import Target

from neo_workers.compiler.cpu import pipeline as cpu
from neo_workers.compiler.fold import fold
from neo_workers.compiler.parameters import separate
from neo_workers.errors import CompilationError

Executable = Any
"""relax's VMExecutable; tvm is untyped."""

PASS_CONFIG = {"tirx.disable_assert": True}
"""The VM checks the model's inputs once; checks in every kernel would double the code."""

OPT_LEVEL = 3


@dataclass(frozen=True)
class Lowered:
    """A module as kernels (PrimFuncs) and a `main` that calls them on the model's inputs and its weights."""

    module: tvm.IRModule
    weights: dict[str, Any]  # numpy arrays in the order of main's last parameters
    notes: tuple[str, ...] = ()  # for the job's log


def lower(module: tvm.IRModule, target: Target) -> Lowered:
    """`module`, lowered. Raises CompilationError naming the cause.

    For a CPU by this package's own schedules; for a GPU by TVM's pipeline, which fuses operators and schedules
    them (DLight).
    """
    try:
        with target, tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            if target.kind.name == "llvm":
                done = cpu.lower(module, target)
                return Lowered(done.separated.module, done.separated.weights, done.notes())
            separated = separate(fold(module))
            return Lowered(relax.get_default_pipeline(target)(separated.module), separated.weights)
    except Exception as error:  # tvm raises many types
        raise CompilationError(f"TVM cannot lower the model for {target.kind.name}. {last_line(error)}") from error


def generate(lowered: tvm.IRModule, target: Target) -> Executable:
    """Machine code of a lowered module. Raises CompilationError naming the cause."""
    try:
        with tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            return relax.build(lowered, target=target, relax_pipeline=None)
    except Exception as error:  # tvm raises many types
        raise CompilationError(f"TVM cannot generate code for {target.kind.name}. {last_line(error)}") from error


def write_kernels(lowered: tvm.IRModule, target: Target, path: Path) -> None:
    """Machine code of a lowered module's kernels alone, as one object file. Raises CompilationError."""
    kernels = {name: value for name, value in lowered.functions_items() if isinstance(value, tvm.tirx.PrimFunc)}
    try:
        with tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            tvm.tirx.build(tvm.IRModule(kernels, attrs=lowered.attrs), target=target).write_to_file(str(path))
    except Exception as error:  # tvm raises many types
        raise CompilationError(f"TVM cannot generate code for {target.kind.name}. {last_line(error)}") from error


def last_line(error: BaseException) -> str:
    """What `error` says in one line: tvm puts a stack in front of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
