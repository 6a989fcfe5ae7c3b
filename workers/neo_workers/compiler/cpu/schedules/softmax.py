"""softmax along the last axis: row by row, every step of a row in the first-level cache."""

from __future__ import annotations

from neo_workers.compiler.cpu.schedules.kernel import Block, Kernel, Unscheduled
from neo_workers.compiler.cpu.softmax import LINE, SOFTMAX, WIDTH

MIN_ELEMENTS = 16384
"""Fewer are not worth a second thread."""


def applies(kernel: Kernel, block: Block) -> bool:
    """Whether `block` ends a softmax by rows."""
    return kernel.kind(block) == SOFTMAX


def schedule(kernel: Kernel, block: Block) -> None:
    """Schedules the softmax. Raises Unscheduled where another kernel begins with it."""
    sch = kernel.sch
    if sch.get_consumers(block):
        raise Unscheduled("a softmax that something follows")
    kernel.inline()
    stages = {kernel.name(stage): stage for stage in kernel.blocks()}
    extents = kernel.extents(block)
    *outer, _ = sch.get_loops(block)
    row = kernel.fuse(outer) if outer else None
    for name in (
        f"{LINE}_share",
        f"{LINE}_sum",
        f"{LINE}_sum_of_lane",
        f"{LINE}_exp",
        f"{LINE}_max",
        f"{LINE}_max_of_lane",
        LINE,
    ):
        stage = stages[name]
        if row is not None:
            sch.compute_at(stage, row, preserve_unit_loops=True)
        if kernel.is_reduction(stage) and name.endswith("lane"):
            _lanes(kernel, stage)
        elif name == f"{LINE}_exp":
            sch.vectorize(sch.get_loops(stage)[-1])
    if row is not None and extents[-1] * kernel.extent(row) >= MIN_ELEMENTS:
        kernel.parallel(row)


def _lanes(kernel: Kernel, stage: Block) -> None:
    """A vector of partial results."""
    sch = kernel.sch
    *_, lane, step = sch.get_loops(stage)
    assert kernel.extent(lane) == WIDTH
    sch.reorder(step, lane)
    sch.vectorize(lane)
    sch.vectorize(sch.get_loops(sch.decompose_reduction(stage, step))[-1])
