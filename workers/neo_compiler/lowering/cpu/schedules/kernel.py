"""A kernel (PrimFunc) being scheduled, with the queries that schedules use."""

from __future__ import annotations

import math
import re
from typing import Any

import tvm_ffi
from tvm import ir, s_tir, tirx

from neo_compiler.lowering.cpu.cpu_model import Machine
from neo_compiler.lowering.cpu.templates import KIND, STAGE
from neo_compiler.tvm_types import Block, Loop

SPATIAL, REDUCTION = 0, 2
"""TVM's IterVar kinds kDataPar and kCommReduce."""

GRAIN_ELEMENTS, GRAIN_FLOPS = 16384, 100e3
"""Minimum work for a second thread."""

MAX_TASKS = 64
"""A parallel loop has at most that many steps: they are shared out evenly and cost little each."""

MANY_TASKS = 16
"""Of fewer and an odd number, one of two threads gets notably more."""

MAX_LOADS = 16
"""Loads in a block that others read more than once: each such read repeats them, and a chain doubles them each time."""


class Unscheduled(Exception):  # noqa: N818 - the kernel works without, but slower
    """No schedule fits; the text is the reason."""


class Kernel:
    """The schedule of one function on one machine."""

    def __init__(self, function: Any, machine: Machine) -> None:
        self.sch = s_tir.Schedule(function)
        self.machine = machine

    @property
    def function(self) -> Any:
        """The function as scheduled so far."""
        return self.sch.mod["main"]

    def blocks(self) -> list[Block]:
        """All blocks below the root, in order."""
        return list(self.sch.get_child_blocks(self.sch.get_sblock("root")))

    def name(self, block: Block) -> str:
        """The block's name."""
        return str(self.sch.get(block).name_hint)

    def kind(self, block: Block) -> str:
        """The template that created the block, "" for none."""
        return str(self.sch.get(block).annotations.get(KIND, ""))

    def extent(self, loop: Loop) -> int:
        """A loop's number of iterations. Raises TypeError if it is unknown before run time."""
        return int(self.sch.get(loop).extent)

    def extents(self, block: Block) -> list[int]:
        """The extents of all loops around a block, outermost first."""
        return [self.extent(loop) for loop in self.sch.get_loops(block)]

    def is_reduction(self, block: Block) -> bool:
        """Whether the block sums (or takes the maximum, ...) over some axis."""
        return any(int(axis.iter_type) == REDUCTION for axis in self.sch.get(block).iter_vars)

    def reduction_sizes(self, block: Block) -> list[int]:
        """The sizes of the axes that the block reduces."""
        return [int(axis.dom.extent) for axis in self.sch.get(block).iter_vars if int(axis.iter_type) == REDUCTION]

    def result_shape(self, block: Block) -> list[int]:
        """The shape of what the block writes."""
        return [int(size) for size in self.sch.get(block).writes[0].source.shape]

    def inline(self) -> None:
        """Inlines every elementwise block that another one reads, save templates' stages and what would grow."""
        for block in self.blocks():
            if self.is_reduction(block) or self.name(block).startswith(STAGE):
                continue
            readers = self.sch.get_consumers(block)
            if not readers or self._repeated(block, readers) > MAX_LOADS:
                continue
            try:
                self.sch.compute_inline(block)
            except s_tir.ScheduleError:
                continue

    def _repeated(self, block: Block, readers: list[Block]) -> int:
        """How many loads inlining would make of the block's, 0 when it is read only once."""
        written = self.sch.get(block).writes[0].source
        reads = sum(load.source.same_as(written) for reader in readers for load in self._loads(reader))
        return len(self._loads(block)) * reads if reads > 1 else 0

    def _loads(self, block: Block) -> list[Any]:
        found: list[Any] = []
        tvm_ffi.structural_walk(self.sch.get(block).body, (ir.TensorLoad, found.append))
        return found

    def is_costly(self, block: Block) -> bool:
        """Whether the block computes a polynomial: too much to be written out for each vector of a tile."""
        found: list[Any] = []
        tvm_ffi.structural_walk(self.sch.get(block).body, (tirx.Let, found.append))
        return bool(found)

    def lanes(self, size: int, at_most: int | None = None) -> int:
        """The widest power of two, at most the machine's vector, that divides `size`."""
        lanes = at_most or self.machine.lanes
        while lanes > 1 and size % lanes:
            lanes //= 2
        return lanes

    def parallel(self, loop: Loop) -> None:
        """Parallelises a loop, in at most MAX_TASKS iterations."""
        extent = self.extent(loop)
        tasks = max(number for number in divisors(extent) if number <= MAX_TASKS)
        if extent == 1:
            return
        if MANY_TASKS <= tasks < extent:
            loop, _ = self.sch.split(loop, [tasks, None])
        self.sch.parallel(loop)

    def fuse(self, loops: list[Loop]) -> Loop:
        """Fuses nested loops. Returns the loop."""
        return self.sch.fuse(*loops) if len(loops) > 1 else loops[0]

    def reads_in_order(self, block: Block) -> bool:
        """Whether each read is at the written place or at one place only: then fused loops stay contiguous."""
        info = self.sch.get(block)
        written = [str(span.min) for span in info.writes[0].region]
        for read in info.reads:
            places = [str(span.min) for span in read.region]
            same = places == written and [int(size) for size in read.source.shape] == self.result_shape(block)
            if not same and any(place != "0" for place in places):
                return False
        return True

    def is_transposed(self, block: Block) -> bool:
        """Whether a read uses the innermost written axis anywhere but in its own last axis."""
        info = self.sch.get(block)
        if not len(info.writes[0].region):
            return False
        inner = variables(info.writes[0].region[-1].min)
        return any(inner & variables(span.min) for read in info.reads for span in list(read.region)[:-1])

    def turned_axis(self, block: Block) -> int | None:
        """The axis of a transposed block's loops along which it reads neighbours in memory; None when there is none.

        Each loop must be one axis of the block, in order.
        """
        info = self.sch.get(block)
        axes = [axis.var.name for axis in info.iter_vars]
        if len(axes) != len(self.sch.get_loops(block)):
            return None
        for read in info.reads:
            *front, end = ([str(span.min) for span in read.region]) or [""]
            if end in axes[:-1] and axes[-1] in front:
                return axes.index(end)
        return None

    def piece_ends(self, block: Block) -> list[int]:
        """Where the pieces begin of which a concatenation makes the innermost axis: what that is compared with."""
        info, found = self.sch.get(block), []

        def compared(node: Any) -> None:
            if isinstance(node.a, tirx.IntImm) and node.b.same_as(info.iter_vars[-1].var):
                found.append(int(node.a))

        tvm_ffi.structural_walk(info.body, (tirx.LE, compared))
        return found

    def reduces_last_axis(self, block: Block) -> bool:
        """Whether neighbours in memory are reduced with each other."""
        info = self.sch.get(block)
        reduced = {axis.var.name for axis in info.iter_vars if int(axis.iter_type) == REDUCTION}
        return any(len(read.region) and variables(read.region[-1].min) & reduced for read in info.reads)


def variables(expr: Any) -> set[str]:
    """The names in an index."""
    return set(re.findall(r"[A-Za-z_]\w*", str(expr)))


def shares_evenly(tasks: int) -> bool:
    """Whether two threads get about as much each."""
    return tasks % 2 == 0 or tasks >= MANY_TASKS


def chunk(extent: int, at_most: int) -> int:
    """The biggest divisor of `extent` up to `at_most`; one that leaves chunks to share evenly goes before others."""
    fits = [number for number in divisors(extent) if number <= at_most]
    return max(fits, key=lambda number: (shares_evenly(extent // number), number))


def divisors(number: int) -> list[int]:
    """All of them, ascending."""
    small = [step for step in range(1, math.isqrt(number) + 1) if number % step == 0]
    return sorted({*small, *(number // step for step in small)})
