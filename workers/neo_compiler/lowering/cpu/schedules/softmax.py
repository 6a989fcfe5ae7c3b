"""softmax along the last axis: row by row, so that each row stays in the first-level cache."""

from __future__ import annotations

from neo_compiler.lowering.cpu.schedules.kernel import Kernel, Unscheduled
from neo_compiler.lowering.cpu.softmax import LINE, SOFTMAX, WIDTH
from neo_compiler.tvm_types import Block

MIN_ELEMENTS = 16384
"""Minimum number of values for a second thread."""

HALVES = [WIDTH >> step for step in range(1, WIDTH.bit_length())]
"""Widths on the way from a vector to one number."""

ORDER = [
    f"{LINE}{name}"
    for name in (
        "_share",
        *(f"_sum_{width}" for width in reversed(HALVES)),
        "_sum",
        "_exp",
        *(f"_max_{width}" for width in reversed(HALVES)),
        "_max",
        "",
    )
]
"""The stages of a row, the last first."""


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
    if row is not None:
        for name in ORDER:
            sch.compute_at(stages[name], row, preserve_unit_loops=True)
        if extents[-1] * kernel.extent(row) >= MIN_ELEMENTS:
            kernel.parallel(row)  # before sums are taken apart: TVM cannot tell afterwards that it may
    step, lane = sch.get_loops(stages[LINE])[-2:]
    sch.vectorize(lane)
    sch.annotate(step, "pragma_loop_partition_hint", 1)  # only the last step asks where the row ends
    for name in ("sum", "max"):
        _lanes(kernel, stages[f"{LINE}_{name}"])
        for width in HALVES:
            sch.vectorize(sch.get_loops(stages[f"{LINE}_{name}_{width}"])[-1])
    sch.vectorize(sch.get_loops(stages[f"{LINE}_exp"])[-1])


def _lanes(kernel: Kernel, stage: Block) -> None:
    """A vector of partial results."""
    sch = kernel.sch
    *_, lane, step = sch.get_loops(stage)
    assert kernel.extent(lane) == WIDTH
    sch.reorder(step, lane)
    sch.vectorize(lane)
    sch.vectorize(sch.get_loops(sch.decompose_reduction(stage, step))[-1])
