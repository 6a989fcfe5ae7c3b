"""Convolutions and matrix products with a packed weight: a tile of the result in registers."""

from __future__ import annotations

import math

from neo_workers.compiler.cpu.machine import FLOAT_BYTES
from neo_workers.compiler.cpu.schedules.elementwise import copy, elementwise
from neo_workers.compiler.cpu.schedules.kernel import GRAIN_FLOPS, Block, Kernel, Loop, divisors
from neo_workers.compiler.cpu.templates import CONV, MATMUL, PAD, TILE
from neo_workers.compiler.cpu.tiles import Tile

MAX_WRITTEN_OUT = 4
"""Input channels of a first layer: so few are summed without a loop."""


def applies(kernel: Kernel, block: Block) -> bool:
    """Whether `block` is a product of `templates`."""
    return kernel.kind(block) in (CONV, MATMUL)


def schedule(kernel: Kernel, block: Block) -> None:
    """Schedules the product, its padding and what follows it."""
    sch = kernel.sch
    tile = Tile.parse(str(sch.get(block).annotations[TILE]))
    kernel.inline()
    pads = [pad for pad in sch.get_producers(block) if kernel.name(pad).startswith(PAD)]
    target, followers = destination(kernel, block)
    in_bands = _outer_loops(kernel, block, target, tile, pads)
    _inner_loops(kernel, block, tile)
    for pad in pads:
        copy(kernel, pad, inside=in_bands)
    for follower in followers:
        elementwise(kernel, follower)


def destination(kernel: Kernel, block: Block) -> tuple[Block, list[Block]]:
    """(the block that stores a tile, blocks to be scheduled on their own).

    What follows the product stores its tiles when it has the product's channels and at most its rows.
    """
    sch = kernel.sch
    consumers = list(sch.get_consumers(block))
    own = kernel.result_shape(block)
    if len(consumers) == 1 and not kernel.is_reduction(consumers[0]):
        extents = kernel.extents(consumers[0])
        same = len(extents) == len(own) and extents[:-2] == own[:-2] and extents[-1] == own[-1]
        if same and extents[-2] <= own[-2] and not kernel.is_transposed(consumers[0]):
            return consumers[0], []
    return sch.cache_write(block, 0, "global"), consumers


def _outer_loops(kernel: Kernel, block: Block, target: Block, tile: Tile, pads: list[Block]) -> bool:
    """Splits the storing block's loops into tiles, and computes a tile of the product in each.

    Whether the padded image is made in bands, inside those loops.
    """
    sch, lanes = kernel.sch, kernel.machine.vector(tile.columns)
    *outer, line, channel = sch.get_loops(target)
    extents, depths = kernel.extents(target), kernel.reduction_sizes(block)
    panel, vector, lane = sch.split(channel, [None, tile.columns // lanes, lanes])
    weight_bytes = math.prod(depths) * extents[-1] * FLOAT_BYTES
    shared_loops = in_bands = 0
    if len(depths) == 1 or (depths[:2] == [1, 1] and not pads):
        order = _pointwise(kernel, outer, line, panel, tile, depths[-1], weight_bytes)
    else:
        batch, high = outer
        step, row = sch.split(line, [None, tile.rows])
        order = [panel, batch, high, step, row]
        if weight_bytes <= kernel.machine.l2_bytes // 2 and pads:
            band, high = sch.split(high, [None, _band(kernel, block, depths, extents[1])])
            order, in_bands, shared_loops = [batch, band, panel, high, step, row], 1, 2
    *order, row = order
    sch.reorder(*order, row, vector, lane)
    sch.compute_at(block, order[-1], preserve_unit_loops=True)
    for pad in pads if in_bands else ():
        sch.compute_at(pad, order[1], preserve_unit_loops=True)
    shared = kernel.fuse(order[: shared_loops or None])
    if 2.0 * math.prod(extents) * math.prod(depths) > GRAIN_FLOPS and kernel.extent(shared) > 1:
        sch.parallel(shared)
    sch.unroll(row)
    sch.unroll(vector)
    sch.vectorize(lane)
    return bool(in_bands)


def _pointwise(
    kernel: Kernel, outer: list[Loop], line: Loop, panel: Loop, tile: Tile, depth: int, weight_bytes: int
) -> list[Loop]:
    """Loops of a product without a window: rows in chunks, so that what a chunk reads stays in a cache.

    A weight that fits the first-level cache is walked through for every tile; else a chunk of data stays in the
    first level while panels come from the second, or in the second while they come from memory.
    """
    sch, machine = kernel.sch, kernel.machine
    if weight_bytes <= machine.l1_bytes // 2:
        chunk = tile.rows
    else:
        room = machine.l1_bytes // 2 if weight_bytes <= machine.l2_bytes // 2 else machine.l2_bytes // 4
        chunk = max(tile.rows, room // (depth * FLOAT_BYTES))
    width = kernel.extent(line)
    steps = -(-width // tile.rows)
    inner = max(count for count in divisors(steps) if count * tile.rows <= max(chunk, tile.rows))
    step, row = sch.split(line, [None, tile.rows])
    step, near = sch.split(step, [None, inner])
    if not outer:
        return [step, panel, near, row]
    *rest, high = outer
    height = kernel.extent(high)
    lines = max(count for count in divisors(height) if count == 1 or count * width <= chunk)
    far, high = sch.split(high, [None, lines])
    return [*rest, far, step, panel, high, near, row]


def _band(kernel: Kernel, block: Block, depths: list[int], height: int) -> int:
    """How many rows of the result share a padded copy of the data: it shall stay in the second-level cache."""
    sch = kernel.sch
    padded = [int(size) for size in sch.get(block).reads[0].source.shape]
    row_bytes = padded[2] * depths[2] * FLOAT_BYTES
    stride = max(1, (padded[1] - depths[0]) // max(1, height - 1)) if height > 1 else 1
    fits = [
        count
        for count in divisors(height)
        if row_bytes * (count * stride + depths[0] - 1) <= kernel.machine.l2_bytes // 4 and count <= max(1, height // 4)
    ]
    return max(fits, default=1)


def _inner_loops(kernel: Kernel, block: Block, tile: Tile) -> None:
    """The sum of one tile: all of it in registers, one step of the sum after the other."""
    sch, machine = kernel.sch, kernel.machine
    lanes = machine.vector(tile.columns)
    depths = kernel.reduction_sizes(block)
    loops = sch.get_loops(block)
    sums, columns, rows = list(loops[-len(depths) :]), loops[-len(depths) - 1], loops[-len(depths) - 2]
    vector, lane = sch.split(columns, [tile.columns // lanes, lanes])
    if depths[-1] % machine.unroll_k == 0 and depths[-1] > machine.unroll_k > 1:
        last, few = sch.split(sums[-1], [None, machine.unroll_k])
        sums = [*sums[:-1], last, few]
        sch.unroll(few)
    elif depths[-1] <= MAX_WRITTEN_OUT:
        sch.unroll(sums[-1])
    sch.reorder(*sums, rows, vector, lane)
    sch.unroll(rows)
    sch.unroll(vector)
    sch.vectorize(lane)
    start = sch.decompose_reduction(block, sums[0])
    *_, first_row, first_vector, first_lane = sch.get_loops(start)
    for loop in (first_row, first_vector):
        sch.unroll(loop)
    sch.vectorize(first_lane)
