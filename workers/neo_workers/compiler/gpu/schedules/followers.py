"""What follows a sum in its kernel: element-wise blocks that are computed where the sum is stored."""

from __future__ import annotations

from typing import Any

from tvm import s_tir

Block = Any
"""A block or loop of a TVM schedule; tvm is untyped."""
Loop = Any

THREADS = 128
"""Of a block whose threads share nothing: a few warps."""


def bind(sch: s_tir.Schedule, loops: list[Loop]) -> Loop:
    """A thread for each step of `loops`, which lie in one another. Gives the loop that is a thread."""
    block, thread = sch.split(sch.fuse(*loops), [None, THREADS])
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
