"""Winograd convolutions: data into the transformed space, products there, results back; by bands or by panels."""

from __future__ import annotations

from neo_compiler.lowering.cpu.cost_model import Tile
from neo_compiler.lowering.cpu.cpu_model import FLOAT_BYTES
from neo_compiler.lowering.cpu.schedules.contraction import inner_loops
from neo_compiler.lowering.cpu.schedules.elementwise import copy, elementwise
from neo_compiler.lowering.cpu.schedules.kernel import Kernel, chunk
from neo_compiler.lowering.cpu.templates import PAD, TILE
from neo_compiler.lowering.cpu.winograd import DATA, RESULT, ROWS, SIZE, SUMS, WINOGRAD
from neo_compiler.tvm_types import Block, Loop


def applies(kernel: Kernel, block: Block) -> bool:
    """Whether `block` is the product of a Winograd convolution."""
    return kernel.kind(block) == WINOGRAD


def schedule(kernel: Kernel, sums: Block) -> None:
    """Schedules the convolution and the blocks after it.

    A small weight: a band of rows goes through all steps while it is in the second-level cache. A big one: the data
    of the whole image are transformed first, and the weight is read once, panel by panel.
    """
    sch = kernel.sch
    size = int(sch.get(sums).annotations[SIZE])
    tile = Tile.parse(str(sch.get(sums).annotations[TILE]))
    kernel.inline()
    stages = {kernel.name(block): block for block in kernel.blocks()}
    target, followers = _destination(kernel, stages[RESULT])
    _, _, span, _, across, channels = kernel.result_shape(sums)
    (inputs,) = kernel.reduction_sizes(sums)
    by_bands = span * span * inputs * channels * FLOAT_BYTES <= kernel.machine.l2_bytes
    first, high, wide, channel = sch.get_loops(target)
    lanes = kernel.lanes(kernel.extent(channel), kernel.machine.vector(tile.columns))
    down, y = sch.split(high, [None, size])
    right, x = sch.split(wide, [None, size])
    panel, vector, lane = sch.split(channel, [None, tile.columns // lanes, lanes])
    if by_bands:
        row_bytes = span * span * across * inputs * FLOAT_BYTES
        fits = max(1, kernel.machine.l2_bytes // 2 // row_bytes)
        band, down = sch.split(down, [None, chunk(kernel.extent(down), fits)])
        sch.reorder(first, band, panel, down, right, y, vector, x, lane)
        shared = [first, band]
    else:
        sch.reorder(panel, first, down, right, y, vector, x, lane)
        shared = [panel]
    if target is not stages[RESULT]:
        sch.compute_at(stages[RESULT], vector, preserve_unit_loops=True)
    sch.compute_at(stages[f"{SUMS}_{ROWS}"], vector, preserve_unit_loops=True)
    sch.compute_at(sums, panel, preserve_unit_loops=True)
    _data(kernel, stages, band if by_bands else None)
    task = kernel.fuse(shared)
    if kernel.extent(task) > 1:
        sch.parallel(task)
    _products(kernel, sums, tile, by_bands)
    _results(kernel, stages[f"{SUMS}_{ROWS}"])
    sch.unroll(y)
    sch.vectorize(lane)
    if target is stages[RESULT]:
        sch.unroll(x)
    else:
        _results(kernel, stages[RESULT])
    for follower in followers:
        elementwise(kernel, follower)


def _destination(kernel: Kernel, result: Block) -> tuple[Block, list[Block]]:
    """(the block that stores results, blocks to be scheduled on their own)."""
    consumers = list(kernel.sch.get_consumers(result))
    follows = len(consumers) == 1 and not kernel.is_reduction(consumers[0]) and not kernel.is_transposed(consumers[0])
    if follows and kernel.extents(consumers[0]) == kernel.extents(result):
        return consumers[0], []
    return result, consumers


def _data(kernel: Kernel, stages: dict[str, Block], band: Loop | None) -> None:
    """Pads and transforms the data: within the loop `band`, or before everything else."""
    if band is not None:
        kernel.sch.compute_at(stages[DATA], band, preserve_unit_loops=True)
    _transform_data(kernel, stages, own_loop=band is None)
    if PAD in stages:
        if band is not None:
            kernel.sch.compute_at(stages[PAD], band, preserve_unit_loops=True)
        copy(kernel, stages[PAD], inside=band is not None)


def _transform_data(kernel: Kernel, stages: dict[str, Block], own_loop: bool) -> None:
    """A tile's data for a vector of channels: first down, then across, everything written out."""
    sch = kernel.sch
    first, down, u, v, across, channel = sch.get_loops(stages[DATA])[-6:]
    lanes = kernel.lanes(kernel.extent(channel))
    far, lane = sch.split(channel, [None, lanes])
    sch.reorder(first, down, across, far, u, v, lane)
    sch.compute_at(stages[f"{DATA}_{ROWS}"], u, preserve_unit_loops=True)
    *_, at, one = sch.get_loops(stages[f"{DATA}_{ROWS}"])
    sch.unroll(at)
    sch.vectorize(one)
    for loop in (u, v):
        sch.unroll(loop)
    sch.vectorize(lane)
    if own_loop:
        sch.parallel(sch.fuse(first, down, across))


def _products(kernel: Kernel, sums: Block, tile: Tile, by_bands: bool) -> None:
    """A product of matrices for each of the (m + 2) ** 2 points, its panel in the first-level cache."""
    sch = kernel.sch
    first, down, u, v, across, channel, depth = sch.get_loops(sums)[-7:]
    step, row = sch.split(across, [None, tile.rows])
    sch.reorder(u, v, first, down, step, row, channel, depth)
    target = sch.cache_write(sums, 0, "global")
    sch.reverse_compute_at(target, step, preserve_unit_loops=True)
    *_, line, lane = sch.get_loops(target)
    lanes = kernel.machine.vector(tile.columns)
    vector, lane = sch.split(lane, [None, lanes])
    for loop in (line, vector):
        sch.unroll(loop)
    sch.vectorize(lane)
    inner_loops(kernel, sums, tile, streamed=not by_bands)


def _results(kernel: Kernel, halves: Block) -> None:
    """A step of the way back, for a line of a tile and a vector of channels."""
    *_, at, lane = kernel.sch.get_loops(halves)
    kernel.sch.unroll(at)
    kernel.sch.vectorize(lane)
