"""Tiles that reach beyond what is needed are stored whole where there is room: a condition for each number costs more.

TVM stores only what is read afterwards, and a vector store with a condition becomes as many scalar ones.
"""

from __future__ import annotations

from typing import Any

import tvm_ffi
from tvm import s_tir, tirx

from neo_compiler.lowering.cpu.schedules.kernel import Kernel
from neo_compiler.tvm_types import Block

WHOLE = "neo.whole"
"""The annotation of a block that may write all that its loops reach."""


def mark(kernel: Kernel, block: Block) -> None:
    """Notes that the buffer which `block` writes has room for all steps of its loops; `write` does the rest."""
    kernel.sch.annotate(block, WHOLE, 1)


def write(function: Any) -> Any:
    """`function` without the conditions of the blocks that `mark` named."""

    def stored(realize: Any) -> Any:
        block = realize.block
        if WHOLE not in block.annotations:
            return realize
        return s_tir.SBlockRealize(realize.iter_values, tirx.const(True, "bool"), _without_mark(block))

    return function.with_body(tvm_ffi.structural_map(function.body, (s_tir.SBlockRealize, stored)))


def _without_mark(block: Any) -> Any:
    others = {name: value for name, value in block.annotations.items() if name != WHOLE}
    return s_tir.SBlock(
        block.iter_vars,
        block.reads,
        block.writes,
        block.name_hint,
        block.body,
        block.init,
        block.alloc_buffers,
        block.match_buffers,
        others,
    )
