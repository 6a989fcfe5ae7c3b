"""Runs an imported model on this machine through TVM's VM, on the lowest level: quicker than the whole pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.codegen import machine_code
from neo_compiler.frontends.base import Imported
from neo_compiler.frontends.onnx import load as importer
from neo_compiler.lowering.cpu.pipeline import LADDER
from neo_compiler.lowering.lower import lower

Array = npt.NDArray[Any]


QUICK = {"kind": "llvm", "opt-level": 0}
"""A target whose code is made in half the time, and slow."""


def run_imported(imported: Imported, inputs: Mapping[str, Array], target: Any = "llvm") -> list[Array]:
    """The outputs in the model's order, by TVM's own schedules."""
    return _lowered(imported, inputs, tvm.target.Target(target), len(LADDER) - 1)


def run_scheduled(imported: Imported, inputs: Mapping[str, Array], cpu: str) -> list[Array]:
    """The outputs of what the product makes for a CPU that this machine is, too: its own passes and schedules."""
    return _lowered(imported, inputs, tvm.target.Target({"kind": "llvm", "mcpu": cpu}), 0)


def _lowered(imported: Imported, inputs: Mapping[str, Array], target: Any, first: int) -> list[Array]:
    """The outputs of the model lowered on the level with this number, or the next that compiles."""
    lowered = lower(imported.module, target, first)
    executable = machine_code.generate(lowered.module, target)
    return _run(executable, [*(inputs[item.name] for item in imported.inputs), *lowered.weights.values()])


def _run(executable: Any, arguments: Sequence[Array]) -> list[Array]:
    machine = relax.VirtualMachine(executable, tvm.cpu())
    result = machine["main"](*(tvm.runtime.tensor(np.array(item)) for item in arguments))
    return [item.numpy() for item in ([result] if hasattr(result, "numpy") else result)]


def run_model(model: Any, inputs: Mapping[str, Array]) -> list[Array]:
    """An ONNX model imported for inputs of these shapes, and run."""
    return run_imported(importer.compilable(model, {k: v.shape for k, v in inputs.items()}, ""), inputs)
