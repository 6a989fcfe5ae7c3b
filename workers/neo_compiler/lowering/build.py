"""Lowers a module and makes machine code of it."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tvm
from tvm import relax
from tvm.target import Target

from neo_compiler.errors import CompilationError
from neo_compiler.lowering.cpu import pipeline as cpu
from neo_compiler.lowering.cpu.tile_selection import Choices
from neo_compiler.lowering.gpu import pipeline as gpu

Executable = Any
"""relax's VMExecutable; tvm is untyped."""

PASS_CONFIG = {"tirx.disable_assert": True}
"""The VM checks the model's inputs once; checks in every kernel would double the code."""

GPU_CONFIG = {**PASS_CONFIG, "relax.FuseOps.max_depth": 16}
"""DLight writes out what is fused at each use of it: a long chain whose values are used twice would never end."""

OPT_LEVEL = 3

FOR_CPUS = "neo.for_cpus"
"""Attribute of a PrimFunc that an importer wrote for CPUs."""

MAX_SYMBOL_CHARS = 200
"""libdlr takes kernels' names of up to 511 bytes, with a prefix of TVM's."""

MAX_OBJECTS = 4
"""Object files that kernels are shared out to; fixed, so that the same input gives the same bytes everywhere."""


@dataclass(frozen=True)
class Lowered:
    """A module as kernels (PrimFuncs) and a `main` that calls them on the model's inputs and its weights."""

    module: tvm.IRModule
    weights: dict[str, Any]  # numpy arrays in the order of main's last parameters
    notes: tuple[str, ...] = ()  # for the job's log
    below: int = 0  # the level to begin at when no machine code can be made of this; 0: none is left


def lower(module: tvm.IRModule, target: Target, first: int = 0, choices: Choices | None = None) -> Lowered:
    """`module`, lowered. Raises CompilationError. `first`: the highest level of cpu.pipeline.LADDER that is tried.
    `choices` gives the tiles of a CPU's products.

    By this package's own schedules; what none of them fits is TVM's to lower, for a GPU by DLight.
    """
    is_cpu = target.kind.name == "llvm"
    try:
        with target, tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG if is_cpu else GPU_CONFIG):
            done = cpu.lower(module, target, first, choices) if is_cpu else gpu.lower(module, target, first)
            return Lowered(done.separated.module, done.separated.weights, done.notes(), done.below)
    except Exception as error:  # tvm raises many types
        raise CompilationError(f"TVM cannot lower the model for {target.kind.name}. {last_line(error)}") from error


def is_for_cpus(module: tvm.IRModule) -> bool:
    """Whether an importer brought kernels that only CPUs can run: walks of trees."""
    kernels = [value for _, value in module.functions_items() if isinstance(value, tvm.tirx.PrimFunc)]
    return any(FOR_CPUS in (value.attrs or {}) for value in kernels)


def generate(lowered: tvm.IRModule, target: Target) -> Executable:
    """Machine code of a lowered module. Raises CompilationError naming the cause."""
    try:
        with tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            return relax.build(lowered, target=target, relax_pipeline=None)
    except Exception as error:  # tvm raises many types
        raise CompilationError(f"TVM cannot generate code for {target.kind.name}. {last_line(error)}") from error


def write_kernels(lowered: tvm.IRModule, target: Target, folder: Path) -> list[Path]:
    """Machine code of a lowered module's kernels alone, as object files in `folder`. Raises CompilationError.

    As many as this process may use CPUs: each is made by a thread of its own. TVM and LLVM let go of Python's lock.
    """
    kernels = [
        (name, value.with_attr("global_symbol", kernel_symbol(value)))
        for name, value in lowered.functions_items()
        if isinstance(value, tvm.tirx.PrimFunc)
    ]
    kernels.sort(key=lambda item: str(item[0].name_hint))
    count = max(1, min(MAX_OBJECTS, len(kernels)))
    groups = [kernels[index::count] for index in range(count)]
    paths = [folder / f"kernels{index}.o" for index in range(count)]

    def make(index: int) -> None:
        module = tvm.IRModule(dict(groups[index]), attrs=lowered.attrs)
        with tvm.transform.PassContext(opt_level=OPT_LEVEL, config=PASS_CONFIG):
            tvm.tirx.build(module, target=target).write_to_file(str(paths[index]))

    try:
        with ThreadPoolExecutor(cpus()) as threads:
            list(threads.map(make, range(count)))
    except Exception as error:  # tvm raises many types
        raise CompilationError(f"TVM cannot generate code for {target.kind.name}. {last_line(error)}") from error
    return paths


def kernel_symbol(function: tvm.tirx.PrimFunc) -> str:
    """The name in a static artifact: TVM's, which lists all that was fused into it, or a head and digest."""
    name = str(function.attrs["global_symbol"])
    if len(name) <= MAX_SYMBOL_CHARS:
        return name
    return f"{name[: MAX_SYMBOL_CHARS - 17]}_{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def last_line(error: BaseException) -> str:
    """What `error` says in one line: tvm puts a stack in front of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
