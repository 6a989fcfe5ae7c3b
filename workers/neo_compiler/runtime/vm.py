"""Runs an artifact in TVM's VM form on this machine's CPU. Imports tvm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.artifact.bundle import PARAMS, Meta

Array = npt.NDArray[Any]


class Model:
    """A loaded model."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self._meta = meta
        library = tvm.runtime.load_module(str(folder / meta.library))
        self._vm = relax.VirtualMachine(library, tvm.cpu())
        weights = tvm.runtime.load_param_dict_from_file(str(folder / PARAMS))
        self._weights = [weights[item.name] for item in meta.weights]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name."""
        arguments = [tvm.runtime.tensor(inputs[item.name]) for item in self._meta.inputs]
        result = self._vm[self._meta.entry](*arguments, *self._weights)
        tensors = [result] if len(self._meta.outputs) == 1 and hasattr(result, "numpy") else list(result)
        return {item.name: tensor.numpy() for item, tensor in zip(self._meta.outputs, tensors, strict=True)}
