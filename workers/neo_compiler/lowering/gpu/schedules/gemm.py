"""Products: a tile of the result for each block of threads, its factors in shared memory, its sums in registers."""

from __future__ import annotations

from typing import Any

from tvm import s_tir

from neo_compiler.lowering.gpu.cost_model import LANES, Tile
from neo_compiler.lowering.gpu.gpu_model import Gpu
from neo_compiler.lowering.gpu.schedules import small_reduction
from neo_compiler.lowering.gpu.schedules.epilogue import merge
from neo_compiler.lowering.gpu.templates import GEMM, KIND, LEFT, RIGHT, TILE, VECTOR
from neo_compiler.tvm_types import Block

LEFT_AXES, RIGHT_AXES = 6, 9

GAP = LANES
"""Numbers between a column of the left factor and the next, which so begins in another bank of shared memory."""


def find(sch: s_tir.Schedule) -> Block | None:
    """The product of `templates` in a kernel, None when there is none."""
    blocks = sch.get_child_blocks(sch.get_sblock("root"))
    return next((block for block in blocks if sch.get(block).annotations.get(KIND, "") == GEMM), None)


def schedule(sch: s_tir.Schedule, block: Block, gpu: Gpu) -> None:
    """Schedules the product and what can be stored with it."""
    tile = Tile.parse(str(sch.get(block).annotations[TILE]))
    stages = {sch.get(producer).name_hint: producer for producer in sch.get_producers(block)}
    left, right = stages[LEFT], stages[RIGHT]
    stored = sch.cache_write(block, 0, "local")
    part, batch, m, panel, thread_x, v, lane, ky, kx, k, kl = sch.get_loops(block)
    batch = sch.fuse(part, batch)
    block_y, thread_y, row = sch.split(m, [None, tile.threads[1], tile.row_items])
    outer, inner = sch.split(k, [None, tile.depth // LANES])
    sch.reorder(batch, block_y, panel, thread_y, thread_x, ky, kx, outer, inner, kl, row, v, lane)
    for loop, axis in (
        (batch, "blockIdx.z"),
        (block_y, "blockIdx.x"),
        (panel, "blockIdx.y"),
        (thread_y, "threadIdx.y"),
        (thread_x, "threadIdx.x"),
    ):
        sch.bind(loop, axis)
    if gpu.shared_bytes:
        for stage in (left, right):
            _into_shared(sch, stage, outer, tile)
        sch.storage_align(left, 0, axis=-2, factor=tile.rows, offset=GAP)
        for index, size in ((0, tile.row_items), (1, LANES)):
            _into_registers(sch, sch.cache_read(block, index, "local"), kl, size)
    else:
        for stage in (left, right):
            _straight_into_registers(sch, stage, inner)
    for loop in (kl, row, v, lane):
        sch.unroll(loop)
    sch.reverse_compute_at(stored, thread_x, preserve_unit_loops=True)
    if tile.slices > 1:
        small_reduction.schedule_block(sch, sch.get_consumers(stored)[0])
    else:
        merge(sch, stored)
    sch.vectorize(sch.get_loops(stored)[-1])
    for loop in sch.get_loops(sch.decompose_reduction(block, ky))[5:]:
        sch.unroll(loop)


def _into_shared(sch: s_tir.Schedule, stage: Block, at: Any, tile: Tile) -> None:
    """All threads of a block load their share of a factor, LANES numbers each where these lie side by side."""
    sch.set_scope(stage, 0, "shared")
    sch.compute_at(stage, at, preserve_unit_loops=True)
    loops = sch.get_loops(stage)
    if sch.get(stage).name_hint == LEFT:
        *units, k, lane, m = loops[-LEFT_AXES:]
        order = [m, k, lane]
    else:
        *units, k, k_lane, panel, v, t, lane = loops[-RIGHT_AXES:]
        order = [k, k_lane, panel, v, t, lane]
    sch.reorder(*units, *order)
    vector = bool(sch.get(stage).annotations[VECTOR])
    shared = sch.fuse(*units, *(order[:-1] if vector else order))
    across, down = tile.threads
    thread_y, thread_x = sch.split(shared, [None, down, across])[1:]
    sch.bind(thread_y, "threadIdx.y")
    sch.bind(thread_x, "threadIdx.x")
    if vector:
        sch.vectorize(sch.get_loops(stage)[-1])


def _into_registers(sch: s_tir.Schedule, copy: Block, at: Any, size: int) -> None:
    """A thread's numbers of one step, from shared memory; `size` of them lie side by side."""
    sch.compute_at(copy, at, preserve_unit_loops=True)
    last = sch.get_loops(copy)[-1]
    if size > LANES:
        _, last = sch.split(last, [None, LANES])
    if size > 1:
        sch.vectorize(last)


def _straight_into_registers(sch: s_tir.Schedule, stage: Block, at: Any) -> None:
    """A thread's numbers of LANES steps, from global memory."""
    sch.set_scope(stage, 0, "local")
    sch.compute_at(stage, at, preserve_unit_loops=True)
    loops = sch.get_loops(stage)
    if sch.get(stage).name_hint == LEFT:
        *units, k, lane, m = loops[-LEFT_AXES:]
        sch.reorder(*units, k, m, lane)
    if sch.get(stage).annotations[VECTOR]:
        sch.vectorize(sch.get_loops(stage)[-1])
