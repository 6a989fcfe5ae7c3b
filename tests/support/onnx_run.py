"""Runs an imported model on this machine through TVM's VM: quicker than the whole pipeline, for tests of importers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.frontends.base import Imported
from neo_compiler.frontends.onnx import load as importer
from neo_compiler.lowering import build

Array = npt.NDArray[Any]


QUICK = {"kind": "llvm", "opt-level": 0}
"""A target whose code is made in half the time, and slow."""


def run_imported(imported: Imported, inputs: Mapping[str, Array], target: Any = "llvm") -> list[Array]:
    """The outputs in the model's order."""
    executable = relax.build(imported.module, target=tvm.target.Target(target))
    return _run(executable, [inputs[item.name] for item in imported.inputs])


def run_scheduled(imported: Imported, inputs: Mapping[str, Array], cpu: str) -> list[Array]:
    """The outputs of what the product makes for a CPU that this machine is, too: its own passes and schedules."""
    target = tvm.target.Target({"kind": "llvm", "mcpu": cpu})
    lowered = build.lower(imported.module, target)
    executable = build.generate(lowered.module, target)
    return _run(executable, [*(inputs[item.name] for item in imported.inputs), *lowered.weights.values()])


def _run(executable: Any, arguments: Sequence[Array]) -> list[Array]:
    machine = relax.VirtualMachine(executable, tvm.cpu())
    result = machine["main"](*(tvm.runtime.tensor(np.array(item)) for item in arguments))
    return [item.numpy() for item in ([result] if hasattr(result, "numpy") else result)]


def run_model(model: Any, inputs: Mapping[str, Array]) -> list[Array]:
    """An ONNX model imported for inputs of these shapes, and run."""
    return run_imported(importer.compilable(model, {k: v.shape for k, v in inputs.items()}, ""), inputs)
