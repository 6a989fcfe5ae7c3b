"""compiled_model.json: a static model as a list of kernel calls in planned memory. Does not import tvm.

libdlr (neo_targets.runtime) reads it. All numbers are integers: a double is written as the integer of its bits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

FILE = "compiled_model.json"
STATIC, VM = "static-plan", "tvm-vm"
VERSION = 1
ALIGN_BYTES = 64

BITS = {
    **{f"float{bits}": bits for bits in (16, 32, 64)},
    **{f"{kind}{bits}": bits for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    "bfloat16": 16,
    "bool": 8,
}
"""Data types that libdlr supports -> bits per element."""


def aligned(size_bytes: int) -> int:
    """The next multiple of ALIGN_BYTES."""
    return -(-size_bytes // ALIGN_BYTES) * ALIGN_BYTES


@dataclass(frozen=True)
class PlanTensor:
    """A tensor in the arena, or a weight."""

    dtype: str
    shape: tuple[int, ...]
    offset_bytes: int = 0  # in the arena
    weight: str | None = None  # its name in compiled.params, None for one in the arena


@dataclass(frozen=True)
class Call:
    """A call of a kernel."""

    kernel: str  # the symbol is __tvm_ffi_<kernel>
    arguments: tuple[int | dict[str, int], ...]  # index of a tensor, {"i": integer} or {"f": bits of a double}


@dataclass(frozen=True)
class Plan:
    """A static model."""

    inputs: tuple[tuple[str, int], ...]  # name, index of its tensor
    outputs: tuple[tuple[str, int], ...]
    tensors: tuple[PlanTensor, ...]
    calls: tuple[Call, ...]
    arena_bytes: int
    weights: Mapping[str, npt.NDArray[Any]]  # what compiled.params must hold

    def to_json(self, library: str, params: str, offsets: Mapping[str, int]) -> str:
        """The text of compiled_model.json; `offsets` are those of each weight's data in the file `params`, in bytes."""
        indices = {tensor.weight: index for index, tensor in reversed(list(enumerate(self.tensors)))}
        members = {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "weights": [(name, indices[name]) for name in self.weights if name in indices],
            "tensors": [_tensor(tensor, offsets) for tensor in self.tensors],
            "calls": [(call.kernel, *call.arguments) for call in self.calls],
        }
        head = {"format": STATIC, "version": VERSION, "lib": library, "params": params, "arena": self.arena_bytes}
        lists = (f"{json.dumps(name)}:[{_lines(rows)}]" for name, rows in members.items())
        return json.dumps(head, separators=(",", ":"))[:-1] + ",\n" + ",\n".join(lists) + "}\n"


def refusal(reason: str) -> str:
    """The text of compiled_model.json for a model in the VM form; libdlr reports `reason` as its error."""
    return json.dumps({"format": VM, "reason": reason}) + "\n"


def _tensor(tensor: PlanTensor, offsets: Mapping[str, int]) -> list[object]:
    offset = tensor.offset_bytes if tensor.weight is None else offsets[tensor.weight]
    return ["a" if tensor.weight is None else "p", offset, tensor.dtype, tensor.shape]


def _lines(rows: Any) -> str:
    return ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
