"""Runs an imported model on this machine through TVM's VM: quicker than the whole pipeline, for tests of importers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.frontends.base import Imported
from neo_compiler.frontends.onnx import load as importer

Array = npt.NDArray[Any]


def run_imported(imported: Imported, inputs: Mapping[str, Array]) -> list[Array]:
    """The outputs in the model's order."""
    executable = relax.build(imported.module, target="llvm")
    machine = relax.VirtualMachine(executable, tvm.cpu())
    result = machine["main"](*(tvm.runtime.tensor(np.array(inputs[item.name])) for item in imported.inputs))
    return [item.numpy() for item in ([result] if hasattr(result, "numpy") else result)]


def run_model(model: Any, inputs: Mapping[str, Array]) -> list[Array]:
    """An ONNX model imported for inputs of these shapes, and run."""
    return run_imported(importer.compilable(model, {k: v.shape for k, v in inputs.items()}, ""), inputs)
