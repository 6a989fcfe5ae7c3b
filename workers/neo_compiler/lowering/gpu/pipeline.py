"""The passes from an imported module to scheduled kernels for a GPU, for each level."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import tvm
from tvm import relax
from tvm.relax.backend.cuda import pipeline as cuda
from tvm.relax.backend.gpu_generic import pipeline as generic
from tvm.target import Target

from neo_compiler.ir_dump import after
from neo_compiler.lowering import fallback
from neo_compiler.lowering.gpu.gpu_model import gpu_of
from neo_compiler.lowering.gpu.pack_weights import pack
from neo_compiler.lowering.gpu.schedules import schedule_kernels
from neo_compiler.passes import tvm_passes
from neo_compiler.passes.constant_folding import fold
from neo_compiler.passes.fold_scale_shift import fold_affine
from neo_compiler.passes.layout_rules import channels_last
from neo_compiler.passes.lift_weights import Separated, separate
from neo_compiler.passes.quantization.integer_ops import whole
from neo_compiler.passes.quantization.qparams import is_quantised


@dataclass(frozen=True)
class Level:
    """A set of optimisations."""

    name: str
    layout: bool = False  # channels last
    packed: bool = False  # products as templates


LADDER = (Level("fast", True, True), Level("fast, without a change of layout", False, True), Level("stock"))
"""From the fastest to the safest; the first that compiles is used."""


@dataclass(frozen=True)
class Lowered(fallback.Lowered):
    """A model as kernels for a GPU."""

    rules: dict[str, str] = field(default_factory=dict)  # kernel -> the row of schedules.RULES that scheduled it

    def of_kernels(self) -> tuple[str, ...]:
        """The number of kernels per rule."""
        counts = ", ".join(f"{count} {rule}" for rule, count in sorted(Counter(self.rules.values()).items()))
        return (f"kernels: level {self.level}; by rule: {counts or 'none'}",)


def lower(module: tvm.IRModule, target: Target, first: int = 0) -> Lowered:
    """Lowers `module` on the highest level from index `first` on that compiles. Raises the lowest level's error."""
    return fallback.highest(LADDER, first, lambda level: _lower(module, target, level))


def _lower(module: tvm.IRModule, target: Target, level: Level) -> Lowered:
    gpu, stock = gpu_of(target), cuda if target.kind.name == "cuda" else generic
    with target:
        if level.packed:
            module = after("simplified", tvm_passes.simplified(module))
            module = after("quantized", whole(fold(module), None)) if is_quantised(module) else module
        module = after("constants_folded", fold(module))
        if level.packed:
            module = after("scales_folded", fold_affine(module))
        if level.layout:
            module = after("channels_last", fold(relax.transform.CanonicalizeBindings()(channels_last(module))))
        if level.packed:
            module = after("weights_packed", pack(module, gpu))
        separated = separate(module)
        module = after("fused", tvm_passes.fused(separated.module, target, stock))
        module, rules = schedule_kernels(module, gpu, target)
        after("scheduled", module)
        module = after("finished", tvm_passes.finished(module, target, stock))
    return Lowered(Separated(module, separated.weights), level.name, rules=rules)
