"""Pooling, sums, means, maxima, over the innermost axis or over others."""

from __future__ import annotations

from neo_compiler.lowering.cpu.schedules.kernel import REDUCTION, SPATIAL, Kernel
from neo_compiler.tvm_types import Block, Loop

MIN_TASKS = 8
MIN_KEPT = 4


def reduction(kernel: Kernel, block: Block) -> None:
    """Vectorises over the kept axis that lies along memory, or over the reduced one."""
    sch = kernel.sch
    loops, kinds = sch.get_loops(block), [int(axis.iter_type) for axis in sch.get(block).iter_vars]
    if len(loops) != len(kinds):
        return
    kept = [loop for loop, kind in zip(loops, kinds, strict=True) if kind == SPATIAL]
    reduced = [loop for loop, kind in zip(loops, kinds, strict=True) if kind == REDUCTION]
    if kernel.reduces_last_axis(block):
        _across(kernel, block, kept, reduced)
    elif kept and kernel.extent(kept[-1]) >= MIN_KEPT:
        _beside(kernel, block, kept, reduced)


def _beside(kernel: Kernel, block: Block, kept: list[Loop], reduced: list[Loop]) -> None:
    sch = kernel.sch
    lanes = kernel.lanes(kernel.extent(kept[-1]), 2 * kernel.machine.lanes)
    if lanes == 1:
        return
    far, lane = sch.split(kept[-1], [None, lanes])
    sch.reorder(*kept[:-1], far, *reduced, lane)
    shared = kernel.fuse([*kept[:-1], far])
    if kernel.extent(shared) >= MIN_TASKS:
        sch.parallel(shared)
    sch.vectorize(lane)
    sch.vectorize(sch.get_loops(sch.decompose_reduction(block, reduced[0]))[-1])


def _across(kernel: Kernel, block: Block, kept: list[Loop], reduced: list[Loop]) -> None:
    """A vector of partial results, reduced to one number at the end."""
    sch = kernel.sch
    size = kernel.extent(reduced[-1])
    lanes = kernel.lanes(size)
    if lanes < MIN_KEPT or size < 2 * lanes:
        return
    if kept:
        kernel.fuse(kept)
    _, lane = sch.split(reduced[-1], [None, lanes])
    partial = sch.rfactor(lane, 0)
    if kept:
        shared = sch.get_loops(block)[0]
        if kernel.extent(shared) >= MIN_TASKS:
            sch.parallel(shared)
        sch.compute_at(partial, shared, preserve_unit_loops=True)
    inner = sch.get_loops(partial)[1 if kept else 0 :]
    kinds = [int(axis.iter_type) for axis in sch.get(partial).iter_vars]
    if kept:  # one loop for each axis, in their order, now that it is computed at `shared`
        at = next(index for index, loop in enumerate(inner) if kernel.extent(loop) == lanes and kinds[index] == SPATIAL)
    else:
        at = len(inner) - 1
    sch.reorder(*inner[:at], *inner[at + 1 :], inner[at])
    start = sch.get_loops(partial)[1 if kept else 0]
    sch.vectorize(sch.get_loops(partial)[-1])
    sch.vectorize(sch.get_loops(sch.decompose_reduction(partial, start))[-1])
