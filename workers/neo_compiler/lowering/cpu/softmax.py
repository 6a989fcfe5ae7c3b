"""softmax as tensor expressions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from tvm import te, tirx

from neo_compiler.lowering.cpu.polynomials import exp
from neo_compiler.lowering.cpu.templates import KIND, STAGE
from neo_compiler.tvm_types import Tensor

SOFTMAX = "softmax"
WIDTH = 16
"""Rows are filled up to a multiple of that: whole vectors on every CPU."""

LINE = f"{STAGE}_softmax_line"
LOWEST = -3.0e38


def over_axis(x: Tensor, axis: int) -> Tensor:
    """exp(x - max) / its sum, along any axis."""
    kept = [*x.shape[:axis], *x.shape[axis + 1 :]]
    first, second = (te.reduce_axis((0, x.shape[axis]), name) for name in ("k", "l"))

    def without(index: Sequence[Any]) -> Sequence[Any]:
        return [*index[:axis], *index[axis + 1 :]]

    def at(index: Sequence[Any], place: Any) -> Sequence[Any]:
        return [*index[:axis], place, *index[axis:]]

    most = te.compute(kept, lambda *i: te.max(x(*at(i, first)), axis=first), name="neo_softmax_max")
    power = te.compute(x.shape, lambda *i: exp(x(*i) - most(*without(i))), name="neo_softmax_exp")
    total = te.compute(kept, lambda *i: te.sum(power(*at(i, second)), axis=second), name="neo_softmax_sum")
    return te.compute(x.shape, lambda *i: power(*i) / total(*without(i)), name="neo_softmax")


def _folded(some: Tensor, operation: Callable[[Any, Any], Any], name: str) -> Tensor:
    """[..., WIDTH] -> [..., 1]: one half on the other, again and again, so that no sum waits for all others."""
    *outer, width = (int(size) for size in some.shape)
    if width == 1:
        return some
    half = width // 2
    halved = te.compute(
        (*outer, half), lambda *i: operation(some(*i), some(*i[:-1], i[-1] + half)), name=f"{name}_{half}"
    )
    return _folded(halved, operation, name)


def by_rows(x: Tensor, axis: int) -> Tensor:
    """The same along the last axis; a row is copied first and filled up with what adds nothing."""
    *outer, length = (int(size) for size in x.shape)
    steps = -(-length // WIDTH)

    def filled(*i: Any) -> Any:
        place = i[-2] * WIDTH + i[-1]
        value = x(*i[:-2], place)
        if length % WIDTH == 0:
            return value
        return tirx.if_then_else(tirx.likely(place < length), value, tirx.const(LOWEST, x.dtype))

    line = te.compute((*outer, steps, WIDTH), filled, name=LINE)
    k = te.reduce_axis((0, steps), "k")
    most = te.compute((*outer, WIDTH), lambda *i: te.max(line(*i[:-1], k, i[-1]), axis=k), name=f"{LINE}_max")
    most = _folded(most, tirx.max, f"{LINE}_max")
    power = te.compute((*outer, steps, WIDTH), lambda *i: exp(line(*i) - most(*i[:-2], 0)), name=f"{LINE}_exp")
    k = te.reduce_axis((0, steps), "k")
    sums = te.compute((*outer, WIDTH), lambda *i: te.sum(power(*i[:-1], k, i[-1]), axis=k), name=f"{LINE}_sum")
    total = _folded(sums, operator.add, f"{LINE}_sum")
    share = te.compute((*outer,), lambda *i: tirx.const(1, x.dtype) / total(*i, 0), name=f"{LINE}_share")
    return te.compute(
        x.shape,
        lambda *i: power(*i[:-1], i[-1] // WIDTH, i[-1] % WIDTH) * share(*i[:-1]),
        name="neo_softmax",
        attrs={KIND: SOFTMAX},
    )
