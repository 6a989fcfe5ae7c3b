"""Depthwise convolutions: a thread keeps a line of the window in registers, threads beside each other have channels."""

from __future__ import annotations

from typing import Any

from tvm import s_tir

from neo_compiler.lowering.gpu.gpu_model import Gpu
from neo_compiler.lowering.gpu.schedules.epilogue import bind_exactly, merge
from neo_compiler.lowering.gpu.templates import KIND, VECTOR
from neo_compiler.lowering.gpu.windows import DEPTHWISE, POINTS_OF


def find(sch: s_tir.Schedule) -> Any:
    """The depthwise convolution in a kernel, None when there is none."""
    blocks = sch.get_child_blocks(sch.get_sblock("root"))
    return next((block for block in blocks if sch.get(block).annotations.get(KIND, "") == DEPTHWISE), None)


def schedule(sch: s_tir.Schedule, block: Any, gpu: Gpu) -> None:
    """Schedules the convolution and what can be stored with it."""
    stages = list(sch.get_producers(block))
    stored = sch.cache_write(block, 0, "local")
    batch, i, j, c, lane, ky, kx = sch.get_loops(block)
    step, point = sch.split(j, [None, int(sch.get(block).annotations[POINTS_OF])])
    sch.reorder(batch, i, step, c, ky, kx, point, lane)
    thread = bind_exactly(sch, [batch, i, step, c])
    for stage in stages:
        sch.set_scope(stage, 0, "local")
        sch.compute_at(stage, ky, preserve_unit_loops=True)
        *_, last = sch.get_loops(stage)
        for loop in sch.get_loops(stage)[3:-1]:
            sch.unroll(loop)
        if sch.get(stage).annotations[VECTOR]:
            sch.vectorize(last)
    for loop in (kx, point, lane):
        sch.unroll(loop)
    sch.reverse_compute_at(stored, thread, preserve_unit_loops=True)
    merge(sch, stored)
    sch.vectorize(sch.get_loops(stored)[-1])
    for loop in sch.get_loops(sch.decompose_reduction(block, ky))[2:]:
        sch.unroll(loop)
