"""SCHEDULES: how each kind of kernel is computed. A new kind is one file and one row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import s_tir, tirx

from neo_compiler.errors import typed_line
from neo_compiler.lowering.cpu import int8_dot
from neo_compiler.lowering.cpu.cpu_model import Machine
from neo_compiler.lowering.cpu.schedules import contraction, depthwise, matmul, prefetch, softmax, stores, winograd
from neo_compiler.lowering.cpu.schedules.elementwise import elementwise
from neo_compiler.lowering.cpu.schedules.kernel import Kernel, Unscheduled
from neo_compiler.lowering.cpu.schedules.reduction import reduction
from neo_compiler.tvm_types import Block

SCHEDULED = "tirx.is_scheduled"
"""TVM's attribute of a function that nobody shall schedule."""


@dataclass(frozen=True)
class Schedule:
    """How a kernel with a certain block in it is computed."""

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
"""The first row that applies to a block of the kernel schedules it; a kernel without one goes block by block."""


def schedule_kernels(module: tvm.IRModule, machine: Machine) -> tuple[tvm.IRModule, dict[str, str]]:
    """(`module` with its kernels scheduled, the names of those that are not: why not). Ready ones are left alone."""
    left: dict[str, str] = {}
    functions = dict(module.functions_items())
    for name, function in functions.items():
        if isinstance(function, tirx.PrimFunc) and SCHEDULED not in (function.attrs or {}):
            functions[name] = schedule(function, machine, left, name.name_hint)
    return tvm.IRModule(functions, attrs=module.attrs), left


def schedule(function: Any, machine: Machine, left: dict[str, str], name: str) -> Any:
    """`function`, scheduled; as it was, with a line in `left`, when no schedule fits."""
    if not isinstance(function.body, s_tir.SBlockRealize):
        left[name] = "it is written as loops"
        return function.with_attr(SCHEDULED, True)
    try:
        kernel = Kernel(function, machine)
        reason = _schedule(kernel)
        scheduled = stores.write(int8_dot.accumulate(prefetch.write(kernel.function, machine.ahead_bytes)))
    except Exception as error:  # a schedule's failure is never the model's
        left[name] = typed_line(error)
        return function.with_attr(SCHEDULED, True)
    if reason:
        left[name] = reason
    return scheduled.with_attrs(dict(function.attrs or {})).with_attr(SCHEDULED, True)


def _schedule(kernel: Kernel) -> str:
    """Schedules all blocks; "" or what was left, and why."""
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
            kernel.sch = before
            reasons.append(f"{kernel.name(block)}: {typed_line(error)}")
    return "; ".join(reasons)


__all__ = ["SCHEDULES", "Schedule", "Unscheduled", "schedule", "schedule_kernels"]
