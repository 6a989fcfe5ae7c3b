"""Lowers a module and makes machine code of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tvm
from tvm import relax
from tvm.target import Target

from neo_workers.errors import CompilationError

Executable = Any
"""relax's VMExecutable; tvm is untyped."""

PASS_CONFIG = {"tirx.disable_assert": True}
"""The VM checks the model's inputs once; checks in every kernel would double the code."""

OPT_LEVEL = 3


def lower(module: tvm.IRModule, target: Target) -> tvm.IRModule:
    """`module` as kernels (PrimFuncs) and a `main` that calls them. Raises CompilationError naming the cause.

    The target's own pipeline: it fuses operators, and schedules them for a GPU (DLight).
    """
    try:
        with target, tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            return relax.get_default_pipeline(target)(module)
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
