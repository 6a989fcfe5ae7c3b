"""Depthwise convolutions: a tile of points and vectors of channels, with the window unrolled."""

from __future__ import annotations

import math

from neo_compiler.lowering.cpu.schedules.contraction import destination
from neo_compiler.lowering.cpu.schedules.elementwise import copy, elementwise
from neo_compiler.lowering.cpu.schedules.kernel import GRAIN_FLOPS, Kernel, Unscheduled, divisors, shares_evenly
from neo_compiler.lowering.cpu.templates import DEPTHWISE, PAD
from neo_compiler.tvm_types import Block

MAX_WINDOW = 25
"""Larger windows (than 5 x 5) are not unrolled."""

MAX_POINTS, MAX_VECTORS = 8, 4

MAX_COPIED = 2
"""Numbers of an image for each of the result: more are not copied."""

MAX_COLUMNS = 64


def applies(kernel: Kernel, block: Block) -> bool:
    """Whether `block` is a depthwise convolution of `templates`."""
    return kernel.kind(block) == DEPTHWISE


def schedule(kernel: Kernel, block: Block) -> None:
    """Schedules it, its padding and the blocks after it. Raises Unscheduled if the channels do not fill vectors."""
    sch, machine = kernel.sch, kernel.machine
    window = kernel.reduction_sizes(block)
    written_out = math.prod(window) <= MAX_WINDOW
    kernel.inline()
    for pad in [pad for pad in sch.get_producers(block) if kernel.name(pad).startswith(PAD)]:
        if written_out and not _is_copied(kernel, pad, block):  # conditions, for the few points at the border
            sch.compute_inline(pad)
        else:
            copy(kernel, pad, inside=False)
    target, followers = destination(kernel, block)
    *outer, line, channel = sch.get_loops(target)
    width, channels = kernel.extent(line), kernel.extent(channel)
    vectors, sums = machine.window or (MAX_VECTORS, machine.registers // 2)
    columns = max(
        (n for n in range(machine.lanes, vectors * machine.lanes + 1, machine.lanes) if channels % n == 0), default=0
    )
    columns = columns or (kernel.lanes(channels) if channels % 4 == 0 else channels)
    if columns > MAX_COLUMNS:
        raise Unscheduled(f"{channels} channels fill no vectors")
    lanes = _lanes(kernel, block, columns)
    points = max(n for n in divisors(width) if n <= max(1, min(MAX_POINTS, sums // -(-columns // machine.lanes))))
    panel, vector, lane = sch.split(channel, [None, columns // lanes, lanes])
    step, point = sch.split(line, [None, points])
    sch.reorder(*outer, step, panel, point, vector, lane)
    sch.compute_at(block, panel, preserve_unit_loops=True)
    lines = math.prod(kernel.extent(loop) for loop in outer)
    shared = kernel.fuse(outer if shares_evenly(lines) else [*outer, step, panel])
    if 2.0 * math.prod(kernel.result_shape(block)) * math.prod(window) > GRAIN_FLOPS and kernel.extent(shared) > 1:
        sch.parallel(shared)
    _written_out(kernel, target)
    _sum(kernel, block, window, columns, written_out)
    for follower in followers:
        elementwise(kernel, follower)


def _is_copied(kernel: Kernel, pad: Block, block: Block) -> bool:
    """Whether the image gets its border in memory: on Arm, unless strides make that more than the result."""
    images, results = (math.prod(kernel.result_shape(each)) for each in (pad, block))
    return kernel.machine.window is not None and images <= MAX_COPIED * results


def _written_out(kernel: Kernel, block: Block) -> None:
    """Unrolls a tile's points and vectors."""
    *_, point, vector, lane = kernel.sch.get_loops(block)
    kernel.sch.unroll(point)
    kernel.sch.unroll(vector)
    kernel.sch.vectorize(lane)


def _lanes(kernel: Kernel, block: Block, columns: int) -> int:
    """How many channels are computed at once. Of bytes two vectors on Arm: a register of 8 holds them widened once."""
    if columns % 4:
        return columns
    of_bytes = str(kernel.sch.get(block).writes[0].source.dtype) == "int32"
    twice = 2 * kernel.machine.lanes
    return twice if of_bytes and kernel.machine.by_element and columns % twice == 0 else kernel.machine.vector(columns)


def _sum(kernel: Kernel, block: Block, window: list[int], columns: int, written_out: bool) -> None:
    sch = kernel.sch
    lanes = _lanes(kernel, block, columns)
    loops = sch.get_loops(block)
    sums, channel, point = list(loops[-len(window) :]), loops[-len(window) - 1], loops[-len(window) - 2]
    vector, lane = sch.split(channel, [columns // lanes, lanes])
    sch.reorder(*sums, point, vector, lane)
    sch.unroll(point)
    sch.unroll(vector)
    sch.vectorize(lane)
    if written_out:
        for loop in sums:
            sch.unroll(loop)
    _written_out(kernel, sch.decompose_reduction(block, sums[0]))
