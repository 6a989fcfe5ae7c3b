"""The passes from an imported module to scheduled kernels for a CPU, for each level."""

from __future__ import annotations

from dataclasses import dataclass, field

import tvm
from tvm import relax
from tvm.relax.backend.cpu_generic import pipeline as stock
from tvm.target import Target

from neo_compiler.ir_dump import after
from neo_compiler.lowering import fallback
from neo_compiler.lowering.cpu.cpu_model import machine_of
from neo_compiler.lowering.cpu.fast_math import fast_math
from neo_compiler.lowering.cpu.pack_weights import pack
from neo_compiler.lowering.cpu.schedules import schedule_kernels
from neo_compiler.lowering.cpu.tile_selection import Choices
from neo_compiler.passes import tvm_passes
from neo_compiler.passes.constant_folding import fold
from neo_compiler.passes.fold_scale_shift import fold_affine
from neo_compiler.passes.layout_rules import channels_last
from neo_compiler.passes.lift_weights import Separated, separate
from neo_compiler.passes.quantization.integer_ops import whole
from neo_compiler.passes.quantization.qdq import quantised
from neo_compiler.passes.quantization.qparams import is_quantised
from neo_compiler.passes.quantization.requantize import rounding


@dataclass(frozen=True)
class Level:
    """A set of optimisations."""

    name: str
    whole: bool = False  # products of quantised tensors in integers
    layout: bool = False  # channels last
    packed: bool = False  # weights packed in the order in which registers load them
    fast_math: bool = False
    schedules: bool = False
    only_quantised: bool = False  # not used for other models


LADDER = (
    Level("fast", True, True, True, True, True),
    Level("fast, without whole numbers", False, True, True, True, True, only_quantised=True),
    Level("fast, without a change of layout", False, False, True, True, True),
    Level("fast, weights as they are", False, False, False, True, True),
    Level("stock"),
)
"""From the fastest to the safest; the first that compiles is used."""


@dataclass(frozen=True)
class Lowered(fallback.Lowered):
    """A model as kernels for a CPU."""

    unscheduled: dict[str, str] = field(default_factory=dict)  # kernel -> why

    def of_kernels(self) -> tuple[str, ...]:
        """The kernels without a schedule."""
        head = f"kernels: level {self.level}, {len(self.unscheduled)} without a schedule"
        return (head, *(f"kernel {name} has no schedule: {why}" for name, why in self.unscheduled.items()))


def lower(module: tvm.IRModule, target: Target, first: int = 0, choices: Choices | None = None) -> Lowered:
    """Lowers `module` on the highest level from index `first` on that compiles. Raises the lowest level's error."""
    tiles_of = choices or Choices()
    return fallback.highest(LADDER, first, lambda level: _lower(module, target, level, tiles_of))


def _lower(module: tvm.IRModule, target: Target, level: Level, choices: Choices) -> Lowered | None:
    if level.only_quantised and not is_quantised(module):
        return None
    machine = machine_of(target)
    choices.clear()
    with target:
        module = after("simplified", tvm_passes.simplified(module))
        if is_quantised(module) and level.schedules:
            dot = machine.dot if level.whole else None
            module = whole(fold(module, keep_quantised=level.whole), dot)
            module = after("quantized", quantised(module, dot) if level.whole else module)
        module = after("constants_folded", fold(module))
        if level.packed:
            module = after("scales_folded", fold_affine(module))
        if level.layout:
            module = after("channels_last", fold(relax.transform.CanonicalizeBindings()(channels_last(module))))
        if level.packed:
            module = after("weights_packed", rounding(pack(module, machine, choices)))
        if level.fast_math:
            module = after("fast_math", fast_math(module))
        separated = separate(module)
        module = after("fused", tvm_passes.fused(separated.module, target, stock))
        left: dict[str, str] = {}
        if level.schedules:
            module, left = schedule_kernels(module, machine)
            after("scheduled", module)
        module = after("finished", tvm_passes.finished(module, target, stock))
    return Lowered(Separated(module, separated.weights), level.name, unscheduled=left)
