"""Lowers a module: from relax operators to kernels and a `main` that calls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tvm
from tvm.target import Target

from neo_compiler.errors import CompilationError, last_line
from neo_compiler.lowering.cpu import pipeline as cpu
from neo_compiler.lowering.cpu.tile_selection import Choices
from neo_compiler.lowering.gpu import pipeline as gpu

PASS_CONFIG = {"tirx.disable_assert": True}
"""The VM checks the model's inputs once; checks in every kernel would double the code."""

GPU_CONFIG = {**PASS_CONFIG, "relax.FuseOps.max_depth": 16}
"""DLight writes out what is fused at each use of it: a long chain whose values are used twice would never end."""

OPT_LEVEL = 3

FOR_CPUS = "neo.for_cpus"
"""Attribute of a PrimFunc that an importer wrote for CPUs."""


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
