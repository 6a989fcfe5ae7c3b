"""Prefetches packed weights that do not fit the first-level cache.

The CPU's own prefetchers stop at the end of each page of 4 KiB, and a panel is read through hundreds of them.
"""

from __future__ import annotations

from typing import Any

import tvm_ffi
from tvm import ir, s_tir, tirx

from neo_compiler.lowering.cpu.cpu_model import FLOAT_BYTES
from neo_compiler.lowering.cpu.schedules.kernel import Kernel
from neo_compiler.tvm_types import Loop

AHEAD = "neo.ahead"
"""The annotation of a loop of a sum: how many bytes of the weight one step of it reads."""

LINE_BYTES = 64
READ, KEEP, DATA = 0, 3, 1
"""Operands of LLVM's prefetch: to be read, into every cache, no instructions."""


def mark(kernel: Kernel, loop: Loop, step_bytes: int) -> None:
    """Notes that `loop` walks through a packed weight, `step_bytes` in each step; `write` does the rest."""
    if kernel.machine.ahead_bytes and step_bytes % LINE_BYTES == 0:
        kernel.sch.annotate(loop, AHEAD, step_bytes)


def write(function: Any, ahead_bytes: int) -> Any:
    """`function` with the prefetches that `mark` asked for, `ahead_bytes` ahead of each step's first number."""

    def prefetched(loop: Any) -> Any:
        if AHEAD not in loop.annotations:
            return loop
        step_bytes = int(loop.annotations[AHEAD])
        weight, index = _first_read(loop)
        ahead = -(-ahead_bytes // step_bytes) * step_bytes
        asks = [
            _ask(weight, [*index[:-1], index[-1] + (ahead + line) // FLOAT_BYTES])
            for line in range(0, step_bytes, LINE_BYTES)
        ]
        others = {name: value for name, value in loop.annotations.items() if name != AHEAD}
        body = tirx.SeqStmt([*asks, loop.body])
        return tirx.For(loop.loop_var, loop.min, loop.extent, loop.kind, body, annotations=others)

    return function.with_body(tvm_ffi.structural_map(function.body, (tirx.For, prefetched)))


def _first_read(loop: Any) -> tuple[Any, list[Any]]:
    """The weight that the sum in `loop` reads, and where it does in a step's first product."""
    inner: list[Any] = []
    blocks: list[Any] = []
    tvm_ffi.structural_walk(loop.body, [(tirx.For, inner.append), (s_tir.SBlockRealize, blocks.append)])
    (block,) = blocks
    first = {each.loop_var: each.min for each in inner}
    bound = {
        axis.var: tvm_ffi.structural_map(value, (tirx.Var, lambda var: first.get(var, var)))
        for axis, value in zip(block.block.iter_vars, block.iter_values, strict=True)
    }
    product = block.block.body.value.b  # of sum + data * weight
    load = product.args[-1] if isinstance(product, ir.Call) else product.b
    index = [tvm_ffi.structural_map(at, (tirx.Var, lambda var: bound.get(var, var))) for at in load.indices]
    return load.source, index


def _ask(weight: Any, index: list[Any]) -> Any:
    address = tirx.address_of(tirx.BufferLoad(weight, index))
    return tirx.Evaluate(tirx.call_intrin("void", "tirx.prefetch", address, READ, KEEP, DATA))
