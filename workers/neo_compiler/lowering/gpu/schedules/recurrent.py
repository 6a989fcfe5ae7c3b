"""Kernels written as a loop over time (LSTM, GRU, RNN): a thread block per sequence, synchronised by barriers.

`kernels.recurrent` creates them: a loop over sequences, with loops over time and over the terms of sums, and
innermost loops with independent iterations. Those become threads; all wait between two phases. A thread
has the same values in every step of a sum, so that none waits there.
"""

from __future__ import annotations

from typing import Any

import tvm_ffi
from tvm import tirx
from tvm.ir import Range
from tvm.target import Target

from neo_compiler.kernels.recurrent import INDEPENDENT, SEQUENCE

MAX_THREADS = 256

FENCES = 3
"""OpenCL's CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE."""


def applies(function: Any) -> bool:
    """Whether a function is such a kernel that has not been scheduled for a GPU."""
    body = function.body
    return isinstance(body, tirx.For) and body.loop_var.name == SEQUENCE and body.thread_binding is None


def schedule(function: Any, target: Target) -> Any:
    """`function` with a thread block per sequence."""
    sizes: list[int] = []
    tvm_ffi.structural_walk(
        function.body, (tirx.For, lambda loop: sizes.append(int(loop.extent)) if _is_independent(loop) else None)
    )
    writer = _Writer(min(MAX_THREADS, max(sizes)), target)
    loop = function.body
    return function.with_body(writer.bound(loop, int(loop.extent), "blockIdx.x", writer.written(loop.body)))


def _is_independent(loop: Any) -> bool:
    return str(loop.loop_var.name) == INDEPENDENT


class _Writer:
    def __init__(self, threads: int, target: Target) -> None:
        self._threads = threads
        on_opencl = (
            tirx.call_extern("int32", "barrier", FENCES),
            tirx.call_intrin("int32", "tirx.tvm_storage_sync", "shared"),
        )
        self._wait = tirx.Evaluate(on_opencl[0 if target.kind.name == "opencl" else 1])

    def written(self, node: Any) -> Any:
        """A statement, its independent loops as threads, with a barrier behind each of a sequence's."""
        if isinstance(node, tirx.SeqStmt):
            return tirx.SeqStmt([part for child in node.seq for part in (self.written(child), self._wait)])
        if isinstance(node, tirx.IfThenElse):
            otherwise = None if node.else_case is None else self.written(node.else_case)
            return tirx.IfThenElse(node.condition, self.written(node.then_case), otherwise)
        if isinstance(node, tirx.For):
            if _is_independent(node):
                return self._shared_out(node)
            return tirx.For(node.loop_var, node.min, node.extent, node.kind, self.written(node.body))
        return node

    def _shared_out(self, loop: Any) -> Any:
        """A loop's steps, shared out to the threads of a block."""
        size, index = int(loop.extent), loop.loop_var
        thread = tirx.Var("thread", index.ty)
        turn = tirx.Var("turn", index.ty)
        step = turn * self._threads + thread
        body = tvm_ffi.structural_map(loop.body, (tirx.Var, lambda var: step if var.same_as(index) else var))
        if size % self._threads:
            body = tirx.IfThenElse(step < size, body, None)
        body = self.bound(
            tirx.For(thread, 0, self._threads, tirx.ForKind.SERIAL, body), self._threads, "threadIdx.x", body
        )
        return tirx.For(turn, 0, -(-size // self._threads), tirx.ForKind.SERIAL, body)

    @staticmethod
    def bound(loop: Any, extent: int, axis: str, body: Any) -> Any:
        """`loop` with another body, bound to the blocks or threads of a launch."""
        bound = tirx.IterVar(Range(0, extent), tirx.Var(axis, loop.loop_var.ty), tirx.IterVar.ThreadIndex, axis)
        return tirx.For(loop.loop_var, 0, extent, tirx.ForKind.THREAD_BINDING, body, bound)
