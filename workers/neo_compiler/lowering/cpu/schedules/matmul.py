"""Matrix products of two computed tensors, one or a batch: [..., M, K] times [..., K, N]."""

from __future__ import annotations

from neo_compiler.lowering.cpu.cost_model import STACK_MAX_BYTES
from neo_compiler.lowering.cpu.cpu_model import FLOAT_BYTES
from neo_compiler.lowering.cpu.schedules.contraction import destination
from neo_compiler.lowering.cpu.schedules.elementwise import elementwise
from neo_compiler.lowering.cpu.schedules.kernel import Kernel, divisors
from neo_compiler.tvm_types import Block


def applies(kernel: Kernel, block: Block) -> bool:
    """Whether `block` is TVM's own matrix product."""
    is_product = kernel.is_reduction(block) and "matmul" in kernel.name(block) and not kernel.kind(block)
    return is_product and len(kernel.result_shape(block)) > 1 and kernel.result_shape(block)[-1] > 1


def schedule(kernel: Kernel, block: Block) -> None:
    """Schedules it and what follows it."""
    sch, machine = kernel.sch, kernel.machine
    kernel.inline()
    target, followers = destination(kernel, block)
    *outer, line, channel = sch.get_loops(target)
    height, width = kernel.extent(line), kernel.extent(channel)
    columns = next((n * machine.lanes for n in (2, 3, 1) if width % (n * machine.lanes) == 0), kernel.lanes(width))
    lanes = machine.vector(columns)
    vectors = columns // lanes
    limit = min((machine.registers - vectors - 1) // vectors, STACK_MAX_BYTES // (FLOAT_BYTES * columns))
    points = max(n for n in divisors(height) if n <= limit)
    panel, vector, lane = sch.split(channel, [None, vectors, lanes])
    step, point = sch.split(line, [None, points])
    sch.reorder(*outer, panel, step, point, vector, lane)
    sch.compute_at(block, step, preserve_unit_loops=True)
    shared = kernel.fuse([*outer, panel, step])
    if kernel.extent(shared) > 1:
        sch.parallel(shared)
    _written_out(kernel, target)
    _sum(kernel, block, vectors, lanes)
    for follower in followers:
        elementwise(kernel, follower)


def _sum(kernel: Kernel, block: Block, vectors: int, lanes: int) -> None:
    sch = kernel.sch
    *_, point, channel, depth = sch.get_loops(block)
    vector, lane = sch.split(channel, [vectors, lanes])
    sch.reorder(depth, point, vector, lane)
    sch.unroll(point)
    sch.unroll(vector)
    sch.vectorize(lane)
    _written_out(kernel, sch.decompose_reduction(block, depth))


def _written_out(kernel: Kernel, block: Block) -> None:
    *_, point, vector, lane = kernel.sch.get_loops(block)
    kernel.sch.unroll(point)
    kernel.sch.unroll(vector)
    kernel.sch.vectorize(lane)
