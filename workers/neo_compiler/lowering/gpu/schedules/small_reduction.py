"""Sums of few values (pooling, a mean, convolutions of small groups): one thread per sum, in a register.

TVM's rules for reductions use a thread block per result.
"""

from __future__ import annotations

import math
from typing import Any

from tvm import s_tir, tirx

from neo_compiler.lowering.gpu.gpu_model import Gpu
from neo_compiler.lowering.gpu.schedules.epilogue import bind_exactly, merge

FEW, FEW_OF_MANY = 64, 512
"""Numbers that one thread sums; more in a window (two axes or more) where there are MANY sums."""

MANY = 8192


def find(sch: s_tir.Schedule) -> Any:
    """The kernel's one sum, None when it has none or several, of pairs (argmax), or a long one."""
    blocks = list(sch.get_child_blocks(sch.get_sblock("root")))
    sums = [block for block in blocks if summed(sch.get(block)) > 1]
    return sums[0] if len(sums) == 1 and _is_short(sch.get(sums[0])) else None


def _is_short(block: Any) -> bool:
    if len(block.writes) != 1:
        return False
    axes = sum(int(axis.iter_type) == tirx.IterVar.CommReduce for axis in block.iter_vars)
    results = math.prod(int(size) for size in block.writes[0].source.shape)
    return summed(block) <= (FEW_OF_MANY if axes > 1 and results >= MANY else FEW)


def summed(block: Any) -> int:
    """How many numbers a block reduces to one. Raises TypeError when that is known only at run time."""
    size = 1
    for axis in block.iter_vars:
        if int(axis.iter_type) == tirx.IterVar.CommReduce:
            size *= int(axis.dom.extent)
    return size


def schedule(sch: s_tir.Schedule, block: Any, gpu: Gpu) -> None:
    """Schedules the sum, and what can be stored with it."""
    while any(_inlined(sch, producer) for producer in sch.get_producers(block)):
        pass
    schedule_block(sch, block)


def schedule_block(sch: s_tir.Schedule, block: Any) -> None:
    """Schedules a sum whose terms are in memory, and what can be stored with it."""
    stored = sch.cache_write(block, 0, "local")
    loops = sch.get_loops(stored)
    thread = bind_exactly(sch, loops)
    sch.compute_at(block, thread, preserve_unit_loops=True)
    merge(sch, stored)


def _inlined(sch: s_tir.Schedule, producer: Any) -> bool:
    try:
        sch.compute_inline(producer)
    except s_tir.ScheduleError:
        return False
    return True
