"""SCHEDULES: a schedule for each kind of kernel. To add one, add a file and a row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import s_tir, tirx

from neo_compiler.errors import raise_out_of_memory, typed_line
from neo_compiler.lowering.cpu import int8_dot
from neo_compiler.lowering.cpu.cpu_model import Machine
from neo_compiler.lowering.cpu.schedules import contraction, depthwise, matmul, prefetch, softmax, stores, winograd
from neo_compiler.lowering.cpu.schedules.elementwise import elementwise
from neo_compiler.lowering.cpu.schedules.kernel import Kernel, Unscheduled
from neo_compiler.lowering.cpu.schedules.reduction import reduction
from neo_compiler.tvm_types import Block

SCHEDULED = "tirx.is_scheduled"
"""TVM's attribute of a function that must not be scheduled again."""


@dataclass(frozen=True)
class Schedule:
    """A schedule for kernels that contain a certain block."""

    name: str
    applies: Callable[[Kernel, Block], bool]
    apply: Callable[[Kernel, Block], None]  # raises Unscheduled, or what TVM raises


SCHEDULES = (
    Schedule("contraction", contraction.applies, contraction.schedule),
    Schedule("winograd", winograd.applies, winograd.schedule),
    Schedule("depthwise", depthwise.applies, depthwise.schedule),
    Schedule("softmax", softmax.applies, softmax.schedule),
    Schedule("matmul", matmul.applies, matmul.schedule),
)
"""The first row that applies to a block of the kernel is used; other kernels are scheduled block by block."""


def schedule_kernels(module: tvm.IRModule, machine: Machine) -> tuple[tvm.IRModule, dict[str, str]]:
    """Returns (`module` with scheduled kernels, {kernel without a schedule: reason}); skips scheduled kernels."""
    left: dict[str, str] = {}
    functions = dict(module.functions_items())
    for name, function in functions.items():
        if isinstance(function, tirx.PrimFunc) and SCHEDULED not in (function.attrs or {}):
            functions[name] = schedule(function, machine, left, name.name_hint)
    return tvm.IRModule(functions, attrs=module.attrs), left


def schedule(function: Any, machine: Machine, left: dict[str, str], name: str) -> Any:
    """Schedules `function`; returns it unchanged, with the reason in `left`, if no schedule fits."""
    if not isinstance(function.body, s_tir.SBlockRealize):
        left[name] = "it is written as loops"
        return function.with_attr(SCHEDULED, True)
    try:
        kernel = Kernel(function, machine)
        reason = _schedule(kernel)
        scheduled = stores.write(int8_dot.accumulate(prefetch.write(kernel.function, machine.ahead_bytes)))
    except Exception as error:  # a failing schedule must not fail the model
        raise_out_of_memory(error)
        left[name] = typed_line(error)
        return function.with_attr(SCHEDULED, True)
    if reason:
        left[name] = reason
    return scheduled.with_attrs(dict(function.attrs or {})).with_attr(SCHEDULED, True)


def _schedule(kernel: Kernel) -> str:
    """Schedules all blocks. Returns "", or the blocks without a schedule, with the reasons."""
    for block in kernel.blocks():
        for row in SCHEDULES:
            if row.applies(kernel, block):
                row.apply(kernel, block)
                return ""
    kernel.inline()
    reasons = []
    for block in kernel.blocks():
        before = kernel.sch.copy()
        try:
            (reduction if kernel.is_reduction(block) else elementwise)(kernel, block)
        except Exception as error:
            raise_out_of_memory(error)
            kernel.sch = before
            reasons.append(f"{kernel.name(block)}: {typed_line(error)}")
    return "; ".join(reasons)


__all__ = ["SCHEDULES", "Schedule", "Unscheduled", "schedule", "schedule_kernels"]
