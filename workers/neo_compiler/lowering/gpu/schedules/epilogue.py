"""The epilogue of a sum: elementwise blocks of its kernel, computed where the sum is stored."""

from __future__ import annotations

from tvm import s_tir

from neo_compiler.tvm_types import Block, Loop

THREADS, MIN_THREADS = 128, 16
"""Of a block whose threads share nothing: a few warps, at least half of one."""


class Unscheduled(Exception):  # noqa: N818 - the next rule is tried
    """A schedule does not fit the kernel; the text is the reason."""


def bind(sch: s_tir.Schedule, loops: list[Loop]) -> Loop:
    """A thread for each step of `loops`, which lie in one another. Gives the loop that is a thread."""
    return _bound(sch, sch.fuse(*loops), THREADS)


def bind_exactly(sch: s_tir.Schedule, loops: list[Loop]) -> Loop:
    """As `bind`, with no thread beyond the last step: what is computed inside a thread knows of no condition on it.

    Raises Unscheduled when blocks would be too small.
    """
    fused = sch.fuse(*loops)
    steps = int(sch.get(fused).extent)
    threads = max(number for number in range(1, 2 * THREADS + 1) if steps % number == 0)
    if threads < min(MIN_THREADS, steps):
        raise Unscheduled(f"{steps} threads are no blocks of equal size")
    return _bound(sch, fused, threads)


def _bound(sch: s_tir.Schedule, loop: Loop, threads: int) -> Loop:
    block, thread = sch.split(loop, [None, threads])
    sch.bind(block, "blockIdx.x")
    sch.bind(thread, "threadIdx.x")
    return thread


def merge(sch: s_tir.Schedule, stored: Block) -> None:
    """What follows is computed where the sums are stored; what does not fit there, in a kernel of its own."""
    while _merged_one(sch, stored):
        pass
    pending = list(sch.get_consumers(stored))
    while pending:
        follower = pending.pop()
        pending += sch.get_consumers(follower)
        if sch.get(sch.get_loops(follower)[0]).thread_binding is None:
            bind(sch, sch.get_loops(follower))


def _merged_one(sch: s_tir.Schedule, stored: Block) -> bool:
    """Whether a block that reads the sums could be written into what stores them, or into what reads it."""
    followers = sch.get_consumers(stored)
    steps = [sch.compute_inline] if len(followers) > 1 else [sch.reverse_compute_inline, sch.compute_inline]
    for follower in followers:
        for step in steps:
            try:
                step(follower)
                return True
            except s_tir.ScheduleError:
                continue
    return False
