"""Convolutions and matrix products with a packed weight: a tile of the result in registers."""

from __future__ import annotations

import math

from neo_compiler.lowering.cpu.cost_model import Tile
from neo_compiler.lowering.cpu.cpu_model import FLOAT_BYTES
from neo_compiler.lowering.cpu.schedules import prefetch, stores
from neo_compiler.lowering.cpu.schedules.elementwise import copy, elementwise
from neo_compiler.lowering.cpu.schedules.kernel import GRAIN_FLOPS, Kernel, chunk, divisors
from neo_compiler.lowering.cpu.templates import CLAMPED, CONV, MATMUL, PACKED, PAD, STAGE, TILE
from neo_compiler.tvm_types import Block, Loop

MAX_WRITTEN_OUT = 4
"""Maximum number of input channels (of a first layer) that are summed without a loop."""


def applies(kernel: Kernel, block: Block) -> bool:
    """Whether `block` is a product of `templates`."""
    return kernel.kind(block) in (CONV, MATMUL)


def schedule(kernel: Kernel, block: Block) -> None:
    """Schedules the product, its padding or packing, and the blocks after it."""
    sch = kernel.sch
    tile = Tile.parse(str(sch.get(block).annotations[TILE]))
    kernel.inline()
    made_before = {
        kernel.name(stage): stage for stage in sch.get_producers(block) if kernel.name(stage).startswith(STAGE)
    }
    if CLAMPED in made_before and not (in_steps(kernel, block) and kernel.machine.by_element):
        sch.compute_inline(made_before[CLAMPED])
    pads = [made_before[PAD]] if PAD in made_before else []
    if (follower := _cut_by(kernel, block, tile)) is not None:
        in_bands = _by_lines(kernel, block, follower, tile)
        followers: list[Block] = []
    else:
        target, followers = destination(kernel, block)
        in_bands = _outer_loops(kernel, block, target, tile, pads)
    panel_bytes = tile.columns * math.prod(kernel.reduction_sizes(block)) * FLOAT_BYTES
    inner_loops(kernel, block, tile, PACKED not in made_before and panel_bytes > kernel.machine.l1_bytes // 2)
    for pad in pads:
        copy(kernel, pad, inside=in_bands)
    if PACKED in made_before:
        _pack(kernel, made_before[PACKED])
    for follower in followers:
        elementwise(kernel, follower)


def _pack(kernel: Kernel, packed: Block) -> None:
    """Packs a non-constant matrix; only the last panel checks its bounds."""
    sch = kernel.sch
    *outer, panel, _, column = sch.get_loops(packed)
    _, lane = sch.split(column, [None, kernel.lanes(kernel.extent(column))])
    sch.vectorize(lane)
    sch.annotate(panel, "pragma_loop_partition_hint", 1)
    if outer:
        kernel.parallel(kernel.fuse(list(outer)))


def _cut_by(kernel: Kernel, block: Block, tile: Tile) -> Block | None:
    """What follows the product and takes only some of its channels, line by line; None for anything else.

    Lines that are one step are nothing to share out to threads: panels are.
    """
    consumers, own = list(kernel.sch.get_consumers(block)), kernel.result_shape(block)
    if math.prod(own[:-1]) <= tile.rows:
        return None
    if len(consumers) != 1 or kernel.is_reduction(consumers[0]) or kernel.is_transposed(consumers[0]):
        return None
    extents = kernel.extents(consumers[0])
    fits = len(extents) == len(own) and extents[:-2] == own[:-2] and extents[-2] <= own[-2]
    return consumers[0] if fits and extents[-1] < own[-1] else None


def _by_lines(kernel: Kernel, block: Block, follower: Block, tile: Tile) -> bool:
    """Some lines of the product with all their channels at a time, then what follows takes what it needs of them."""
    sch, lanes = kernel.sch, kernel.machine.vector(tile.columns)
    target = sch.cache_write(block, 0, "global")
    *outer, line, _ = sch.get_loops(follower)
    step, _ = sch.split(line, [None, tile.rows])
    sch.compute_at(target, step, preserve_unit_loops=True)
    *_, row, channel = sch.get_loops(target)
    panel, vector, lane = sch.split(channel, [None, tile.columns // lanes, lanes])
    sch.reorder(panel, row, vector, lane)
    sch.compute_at(block, panel, preserve_unit_loops=True)
    for loop in (row, vector):
        sch.unroll(loop)
    sch.vectorize(lane)
    stores.mark(kernel, target)
    shared = kernel.fuse([*outer, step])
    if 2.0 * math.prod(kernel.result_shape(block)) * math.prod(kernel.reduction_sizes(block)) > GRAIN_FLOPS:
        kernel.parallel(shared)
    return False


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
    if costly := kernel.is_costly(target):
        tile_copy(kernel, block, order[-1], tile)
    sch.compute_at(block, order[-1], preserve_unit_loops=True)
    for pad in pads if in_bands else ():
        sch.compute_at(pad, order[1], preserve_unit_loops=True)
    shared = kernel.fuse(order[: shared_loops or None])
    if 2.0 * math.prod(extents) * math.prod(depths) > GRAIN_FLOPS and kernel.extent(shared) > 1:
        sch.parallel(shared)
    for loop in () if costly else (row, vector):
        sch.unroll(loop)
    sch.vectorize(lane)
    return bool(in_bands)


def tile_copy(kernel: Kernel, block: Block, at: Loop, tile: Tile) -> None:
    """Stores a tile's sums before what follows reads them: that then can be a loop, and the sums stay in registers."""
    sch = kernel.sch
    stored = sch.cache_write(block, 0, "global")
    sch.compute_at(stored, at, preserve_unit_loops=True)
    *_, row, channel = sch.get_loops(stored)
    vector, lane = sch.split(channel, [None, kernel.machine.vector(tile.columns)])
    for loop in (row, vector):
        sch.unroll(loop)
    sch.vectorize(lane)


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
        room = machine.l1_bytes // 2 if weight_bytes <= machine.l2_bytes // 2 else machine.l2_bytes // 2
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
    room = kernel.machine.l2_bytes // 4 // row_bytes - depths[0] + 1
    return chunk(height, max(1, min(room // stride, height // 4)))


def inner_loops(kernel: Kernel, block: Block, tile: Tile, streamed: bool) -> None:
    """The sum of one tile: all of it in registers, one step of the sum after the other.

    `streamed`: the weight comes from beyond the first-level cache.
    """
    sch, machine = kernel.sch, kernel.machine
    lanes = machine.vector(tile.columns)
    depths = kernel.reduction_sizes(block)
    loops = sch.get_loops(block)
    sums, columns, rows = list(loops[-len(depths) :]), loops[-len(depths) - 1], loops[-len(depths) - 2]
    vector, lane = sch.split(columns, [tile.columns // lanes, lanes])
    at: Loop | None = None
    if in_steps(kernel, block):
        at, few = sch.split(sums[-1], [None, machine.unroll_k])
        sums = [*sums[:-1], at, few]
        sch.unroll(few)
    elif depths[-1] <= MAX_WRITTEN_OUT:
        sch.unroll(sums[-1])
    if streamed and depths[-1] > MAX_WRITTEN_OUT:
        steps = machine.unroll_k if len(sums) > len(depths) else 1
        prefetch.mark(kernel, sums[len(depths) - 1], tile.columns * steps * FLOAT_BYTES)
    sch.reorder(*sums, rows, vector, lane)
    if at is not None and machine.by_element:
        data_in_vectors(kernel, block, at)
    sch.unroll(rows)
    sch.unroll(vector)
    sch.vectorize(lane)
    start = sch.decompose_reduction(block, sums[0])
    *_, first_row, first_vector, first_lane = sch.get_loops(start)
    for loop in (first_row, first_vector):
        sch.unroll(loop)
    sch.vectorize(first_lane)


def in_steps(kernel: Kernel, block: Block) -> bool:
    """Whether some steps of the sum are unrolled."""
    depth, few = kernel.reduction_sizes(block)[-1], kernel.machine.unroll_k
    return depth % few == 0 and depth > few > 1


def data_in_vectors(kernel: Kernel, block: Block, at: Loop) -> None:
    """Loads the values of each row for several steps of the sum at once, as a vector.

    LLVM keeps the copy in registers and multiplies by their elements; it would not join loads of single numbers.
    """
    sch = kernel.sch
    clamped = [stage for stage in sch.get_producers(block) if kernel.name(stage) == CLAMPED]
    copied = clamped[0] if clamped else sch.cache_read(block, 0, "global")
    sch.compute_at(copied, at, preserve_unit_loops=True)
    *around, last = sch.get_loops(copied)[-len(sch.get(copied).iter_vars) :]
    for loop in around:
        sch.unroll(loop)
    sch.vectorize(last)
