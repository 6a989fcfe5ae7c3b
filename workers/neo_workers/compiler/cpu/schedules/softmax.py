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
    """Schedules the softmax and a rounding that follows. Raises Unscheduled where another kernel begins with it."""
    sch, shape = kernel.sch, kernel.result_shape(block)
    kernel.inline()  # the softmax's last step becomes part of what follows
    stages = {kernel.name(stage): stage for stage in kernel.blocks()}
    block = kernel.blocks()[-1]
    read = {kernel.name(stage) for stage in sch.get_producers(block)}
    if f"{LINE}_exp" not in read or kernel.result_shape(block) != shape:
        raise Unscheduled("a softmax that something follows")
    extents = kernel.extents(block)
    *outer, _ = sch.get_loops(block)
    row = kernel.fuse(outer) if outer else None
    order = ("share", "sum", "sum_of_lane", "exp", "max", "max_of_lane")
    if row is not None:
        for stage in [*(stages[f"{LINE}_{name}"] for name in order), stages[LINE]]:
            sch.compute_at(stage, row, preserve_unit_loops=True)
        if extents[-1] * kernel.extent(row) >= MIN_ELEMENTS:
            kernel.parallel(row)  # before sums are taken apart: TVM cannot tell afterwards that it may
    for name in ("sum_of_lane", "max_of_lane"):
        _lanes(kernel, stages[f"{LINE}_{name}"])
    sch.vectorize(sch.get_loops(stages[f"{LINE}_exp"])[-1])


def _lanes(kernel: Kernel, stage: Block) -> None:
    """A vector of partial results."""
    sch = kernel.sch
    *_, lane, step = sch.get_loops(stage)
    assert kernel.extent(lane) == WIDTH
    sch.reorder(step, lane)
    sch.vectorize(lane)
    sch.vectorize(sch.get_loops(sch.decompose_reduction(stage, step))[-1])
