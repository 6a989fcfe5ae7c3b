"""The passes from an imported module to a GPU's scheduled kernels, and the ladder for models that some pass refuses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import tvm
from tvm import relax
from tvm.relax.backend.cuda import pipeline as cuda
from tvm.relax.backend.gpu_generic import pipeline as generic
from tvm.target import Target

from neo_workers.compiler.cpu.affine import fold_affine
from neo_workers.compiler.cpu.layout_rules import channels_last
from neo_workers.compiler.fold import fold
from neo_workers.compiler.gpu.machine import gpu_of
from neo_workers.compiler.gpu.pack import pack
from neo_workers.compiler.gpu.schedules import schedule_kernels
from neo_workers.compiler.parameters import Separated, separate


@dataclass(frozen=True)
class Level:
    """How much is done to make a model fast."""

    name: str
    layout: bool = False  # channels last
    packed: bool = False  # products in the form of templates


LADDER = (Level("fast", True, True), Level("fast, without a change of layout", False, True), Level("stock"))
"""From the fastest to the safest; the first that compiles is taken."""


@dataclass(frozen=True)
class Lowered:
    """Kernels, a main that calls them, and the weights that main takes after its inputs."""

    separated: Separated
    level: str
    rules: dict[str, str]  # kernel -> the row of schedules.RULES that scheduled it
    refused: dict[str, str] = field(default_factory=dict)  # level -> why

    def notes(self) -> tuple[str, ...]:
        """What the job's log says of it."""
        lines = [f"level {name} refused: {why}" for name, why in self.refused.items()]
        counts = ", ".join(f"{count} {rule}" for rule, count in sorted(Counter(self.rules.values()).items()))
        return (*lines, f"kernels: level {self.level}; by rule: {counts or 'none'}")

    @property
    def below(self) -> int:
        """The number of the next lower level, 0 when there is none."""
        return [level.name for level in LADDER].index(self.level) + 1 if self.level != LADDER[-1].name else 0


def lower(module: tvm.IRModule, target: Target, first: int = 0) -> Lowered:
    """`module` lowered on the highest level from number `first` on that compiles. Raises the lowest one's error."""
    refused: dict[str, str] = {}
    for level in LADDER[first:-1]:
        try:
            return _lower(module, target, level, refused)
        except Exception as error:  # tvm raises many types; the next level does without the pass
            refused[level.name] = f"{type(error).__name__}: {_last_line(error)}"
    return _lower(module, target, LADDER[-1], refused)


def _lower(module: tvm.IRModule, target: Target, level: Level, refused: dict[str, str]) -> Lowered:
    gpu, transform, stock = gpu_of(target), relax.transform, cuda if target.kind.name == "cuda" else generic
    with target:
        if level.packed:
            module = transform.CanonicalizeBindings()(transform.DecomposeOpsForInference()(module))
        module = fold(module)
        if level.packed:
            module = fold_affine(module)
        if level.layout:
            module = fold(transform.CanonicalizeBindings()(channels_last(module)))
        if level.packed:
            module = pack(module, gpu)
        separated = separate(module)
        module = _sequence(*stock.library_dispatch_passes(target))(separated.module)
        module = _sequence(transform.LegalizeOps(), transform.AnnotateTIROpPattern())(module)
        module = _sequence(transform.FuseOps(), transform.FuseTIR(), transform.DeadCodeElimination())(module)
        module, rules = schedule_kernels(module, gpu, target)
        module = _sequence(*stock.dataflow_lower_passes(target), *stock.finalize_passes(target))(module)
    return Lowered(Separated(module, separated.weights), level.name, rules, refused)


def _sequence(*passes: object) -> tvm.transform.Pass:
    return tvm.transform.Sequential(list(passes))


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else ""
