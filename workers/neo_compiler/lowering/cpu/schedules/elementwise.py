"""Elementwise kernels: arithmetic, copies, transpositions."""

from __future__ import annotations

import math

from neo_compiler.lowering.cpu.schedules.kernel import GRAIN_ELEMENTS, Kernel
from neo_compiler.tvm_types import Block, Loop

MIN_ELEMENTS = 64
"""Minimum number of values for a vector loop."""

MAX_WRITTEN_OUT = 8
"""Innermost axes up to this size are unrolled."""

MAX_STEPS = 48
"""Steps along an axis that is made of pieces are written out up to here."""

SQUARE = 8
"""Numbers in each direction that a transposition moves at once."""


def elementwise(kernel: Kernel, block: Block) -> None:
    """Vectorises along memory and parallelises the rest."""
    sch = kernel.sch
    loops = sch.get_loops(block)
    if not loops:
        return
    extents = kernel.extents(block)
    total, last = math.prod(extents), extents[-1]
    if total >= MIN_ELEMENTS and not kernel.is_transposed(block):
        if kernel.reads_in_order(block):
            outer = _vectorised(kernel, sch.fuse(*loops), kernel.lanes(total))
        else:  # the loops stay as they are: a fused one would divide at every step
            ends = kernel.piece_ends(block)
            vector = _vectorised(kernel, loops[-1], kernel.lanes(math.gcd(last, *ends)))
            if ends and len(loops) > 1 and kernel.extent(vector) <= MAX_STEPS:
                sch.unroll(vector)  # then no condition is left
            outer = kernel.fuse([*loops[:-2]]) if len(loops) > 2 else (loops[0] if len(loops) > 1 else vector)
    elif total >= MIN_ELEMENTS and last > MAX_WRITTEN_OUT and (across := kernel.turned_axis(block)) is not None:
        outer = _turned(kernel, block, across)
    else:
        if last <= MAX_WRITTEN_OUT and len(loops) > 1:
            sch.unroll(loops[-1])
            loops = loops[:-1]
        outer = kernel.fuse(list(loops[:-1])) if len(loops) > 1 else loops[0]
    if total >= GRAIN_ELEMENTS:
        kernel.parallel(outer)


def _vectorised(kernel: Kernel, loop: Loop, lanes: int) -> Loop:
    """What is left of a loop when `lanes` of its steps are one."""
    if lanes == 1:
        return loop
    outer, inner = kernel.sch.split(loop, [None, lanes])
    kernel.sch.vectorize(inner)
    return outer


def _turned(kernel: Kernel, block: Block, across: int) -> Loop:
    """Goes through memory in squares, since what is written side by side is read from far apart.

    One square after the other along the read axis `across`, so that lines are read whole. The loop to be shared out.
    """
    sch = kernel.sch
    *loops, last = sch.get_loops(block)
    read = loops.pop(across)
    lanes = kernel.lanes(kernel.extent(last), SQUARE)
    step, lane = sch.split(last, [None, lanes if lanes >= 4 else SQUARE])
    far, near = sch.split(read, [None, kernel.lanes(kernel.extent(read), SQUARE)])
    sch.reorder(*loops, step, far, near, lane)
    sch.unroll(near)
    if lanes >= 4:
        sch.vectorize(lane)
    return kernel.fuse([*loops, step])


def copy(kernel: Kernel, block: Block, inside: bool) -> None:
    """A padded copy of an image; `inside` another kernel's loops, which are shared out already."""
    sch = kernel.sch
    *outer, channel = sch.get_loops(block)
    lanes = kernel.lanes(kernel.extent(channel), 4 * kernel.machine.lanes)
    if lanes >= 4:
        _, inner = sch.split(channel, [None, lanes])
        sch.vectorize(inner)
    elif kernel.extent(channel) <= MAX_WRITTEN_OUT:
        sch.unroll(channel)
    if not inside and len(outer) > 1:
        kernel.parallel(sch.fuse(*outer[:2]))
