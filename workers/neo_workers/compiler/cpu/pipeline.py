"""The passes from an imported module to scheduled kernels, and the ladder for models that some pass refuses."""

from __future__ import annotations

from dataclasses import dataclass, field

import tvm
from tvm import relax
from tvm.relax.backend.cpu_generic import pipeline as stock
from tvm.target import Target

from neo_workers.compiler.cpu.affine import fold_affine
from neo_workers.compiler.cpu.choices import Choices
from neo_workers.compiler.cpu.fastmath import fast_math
from neo_workers.compiler.cpu.layout_rules import channels_last
from neo_workers.compiler.cpu.machine import machine_of
from neo_workers.compiler.cpu.pack import pack
from neo_workers.compiler.cpu.quantised import quantised
from neo_workers.compiler.cpu.quantities import is_quantised
from neo_workers.compiler.cpu.rounding import rounding
from neo_workers.compiler.cpu.schedules import schedule_kernels
from neo_workers.compiler.cpu.whole import whole
from neo_workers.compiler.fold import fold
from neo_workers.compiler.parameters import Separated, separate


@dataclass(frozen=True)
class Level:
    """How much is done to make a model fast."""

    name: str
    whole: bool = False  # products of quantised tensors in whole numbers
    layout: bool = False  # channels last
    packed: bool = False  # weights in the order that registers want them
    fast_math: bool = False
    schedules: bool = False
    only_quantised: bool = False  # it is no level for other models


LADDER = (
    Level("fast", True, True, True, True, True),
    Level("fast, without whole numbers", False, True, True, True, True, only_quantised=True),
    Level("fast, without a change of layout", False, False, True, True, True),
    Level("fast, weights as they are", False, False, False, True, True),
    Level("stock"),
)
"""From the fastest to the safest; the first that compiles is taken."""


@dataclass(frozen=True)
class Lowered:
    """Kernels, a main that calls them, and the weights that main takes after its inputs."""

    separated: Separated
    level: str
    unscheduled: dict[str, str] = field(default_factory=dict)  # kernel -> why
    refused: dict[str, str] = field(default_factory=dict)  # level -> why

    def notes(self) -> tuple[str, ...]:
        """What the job's log says of it."""
        lines = [f"level {name} refused: {why}" for name, why in self.refused.items()]
        lines.append(f"kernels: level {self.level}, {len(self.unscheduled)} without a schedule")
        return (*lines, *(f"kernel {name} has no schedule: {why}" for name, why in self.unscheduled.items()))

    @property
    def below(self) -> int:
        """The number of the next lower level, 0 when there is none."""
        return [level.name for level in LADDER].index(self.level) + 1 if self.level != LADDER[-1].name else 0


def lower(module: tvm.IRModule, target: Target, first: int = 0, choices: Choices | None = None) -> Lowered:
    """`module` lowered on the highest level from number `first` on that compiles. Raises the lowest one's error."""
    choices = choices or Choices()
    refused: dict[str, str] = {}
    for level in LADDER[first:-1]:
        if level.only_quantised and not is_quantised(module):
            continue
        try:
            return _lower(module, target, level, refused, choices)
        except Exception as error:  # tvm raises many types; the next level does without the pass
            refused[level.name] = f"{type(error).__name__}: {_last_line(error)}"
    return _lower(module, target, LADDER[-1], refused, choices)


def _lower(module: tvm.IRModule, target: Target, level: Level, refused: dict[str, str], choices: Choices) -> Lowered:
    machine = machine_of(target)
    choices.clear()
    with target:
        module = relax.transform.CanonicalizeBindings()(relax.transform.DecomposeOpsForInference()(module))
        if level.whole and is_quantised(module):
            module = quantised(whole(fold(module, keep_quantised=True), machine.dot), machine.dot)
        module = fold(module)
        if level.packed:
            module = fold_affine(module)
        if level.layout:
            module = fold(relax.transform.CanonicalizeBindings()(channels_last(module)))
        if level.packed:
            module = rounding(pack(module, machine, choices))
        if level.fast_math:
            module = fast_math(module)
        separated = separate(module)
        module = _sequence(*stock.library_dispatch_passes(target))(separated.module)
        module = _sequence(relax.transform.LegalizeOps(), relax.transform.AnnotateTIROpPattern())(module)
        module = _sequence(relax.transform.FuseOps(), relax.transform.FuseTIR(), relax.transform.DeadCodeElimination())(
            module
        )
        left: dict[str, str] = {}
        if level.schedules:
            module, left = schedule_kernels(module, machine)
        module = _sequence(*stock.dataflow_lower_passes(target), *stock.finalize_passes(target))(module)
    return Lowered(Separated(module, separated.weights), level.name, left, refused)


def _sequence(*passes: object) -> tvm.transform.Pass:
    return tvm.transform.Sequential(list(passes))


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else ""
