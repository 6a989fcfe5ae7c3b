"""Operators that go along axes: reductions, softmax, cumulated sums, the greatest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Array, Form, Operator, ints

AXES: tuple[tuple[int, ...] | None, ...] = (None, (0,), (1,), (2,), (0, 2), (2, 0), (0, 1, 2), (-1,), (-2, 0))
INFINITE = np.array([[-np.inf, 1, 2], [-np.inf] * 3], "float32")
POSITIVE = ("ReduceLogSum",)


def _values(op: Operator, shape: tuple[int, ...], dtype: str) -> Array:
    if np.dtype(dtype).kind in "iu":
        return op.whole(*shape, low=1 if op.name in ("ReduceProd", "ReduceLogSum") else -4, high=4, dtype=dtype)
    return op.any(*shape, dtype=dtype, low=0.1 if op.name in POSITIVE else -2)


def _reduce(op: Operator) -> Iterator[Form]:
    for axes in AXES:
        if axes and min(axes) < 0 and op.version < 11:
            continue
        attributes, inputs = op.setting("axes", axes)
        for keepdims in (None, *choices(op.name, "keepdims")):
            yield from op.form(_values(op, (2, 3, 5), "float32"), *inputs, fixed=[1], keepdims=keepdims, **attributes)
    attributes, inputs = op.setting("axes", (1,))
    for dtype in op.types():
        for keepdims in (0, 1):
            yield from op.form(_values(op, (2, 3, 5), dtype), *inputs, fixed=[1], keepdims=keepdims, **attributes)
    for flag in choices(op.name, "noop_with_empty_axes"):
        for empty in (None, np.zeros(0, "int64")):
            for keepdims in (0, 1):
                yield from op.form(
                    _values(op, (2, 3), "float32"), empty, fixed=[1], noop_with_empty_axes=flag, keepdims=keepdims
                )
    yield from op.form(_values(op, (), "float32"))
    yield from op.form(_values(op, (67,), "float32"))
    yield from op.form(_values(op, (3, 1, 4), "float32"), *inputs, fixed=[1], **attributes)
    yield from op.form(_values(op, (2, 0, 3), "float32"), *inputs, fixed=[1], **attributes)
    large = np.array([[1e4, 200, -200], [-1e4, 88, 87]], "float32")
    if op.name in ("ReduceLogSumExp", "ReduceMax", "ReduceMin", "ReduceMean"):
        yield from op.form(large, *inputs, fixed=[1], note="edges", **attributes)
        yield from op.form(
            -INFINITE if op.name == "ReduceMin" else INFINITE, *inputs, fixed=[1], note="infinite", **attributes
        )


def _arg(op: Operator) -> Iterator[Form]:
    for dtype in op.types():
        yield from op.form(op.any(3, 4, 5, dtype=dtype), axis=1)
    for axis in (None, 0, 1, 2, -1):
        if axis == -1 and op.version < 11:
            continue
        for keepdims in (None, *choices(op.name, "keepdims")):
            ties = op.whole(3, 4, 5, low=0, high=3).astype("float32")
            yield from op.form(ties, axis=axis, keepdims=keepdims, note="ties")
            for last in choices(op.name, "select_last_index"):
                yield from op.form(ties, axis=axis, keepdims=keepdims, select_last_index=last, note="ties")
    yield from op.form(op.real(1, 1), axis=1)
    infinite = INFINITE if op.name == "ArgMax" else -INFINITE
    for last in (None, *choices(op.name, "select_last_index")):
        yield from op.form(infinite, axis=1, select_last_index=last, note="infinite")


def _softmax(op: Operator) -> Iterator[Form]:
    for axis in (None, 0, 1, 2, 3, -1, -2):
        if axis is None or axis >= 0 or op.version >= 11:
            yield from op.form(op.real(2, 3, 4, 5), axis=axis)
    for dtype in op.types():
        yield from op.form(op.any(3, 7, dtype=dtype))
    for shape in ((5,), (1, 1), (2, 1), (3, 67)):
        yield from op.form(op.real(*shape), axis=0)
        yield from op.form(op.real(*shape), axis=len(shape) - 1)
    yield from op.form(np.array([[1e4, 9e3, -1e4], [200, 0, -200]], "float32"), axis=1, note="edges")
    if op.name != "Hardmax":
        yield from op.form(np.array([[-np.inf, 1, 2], [0, -np.inf, -np.inf]], "float32"), axis=1, note="infinite")
    else:
        yield from op.form(op.whole(4, 6, low=0, high=3).astype("float32"), axis=1, note="ties")
        yield from op.form(INFINITE, axis=1, note="infinite")


def _cumulated(op: Operator) -> Iterator[Form]:
    for axis in (0, 1, 2, -1, -3):
        for exclusive in (None, *choices(op.name, "exclusive")):
            for reverse in (None, *choices(op.name, "reverse")):
                yield from op.form(
                    op.real(2, 3, 4), np.array(axis, "int64"), fixed=[1], exclusive=exclusive, reverse=reverse
                )
    for dtype in op.types():
        yield from op.form(op.any(2, 5, dtype=dtype), np.array(1, "int32"), fixed=[1])
        yield from op.form(op.any(2, 5, dtype=dtype), np.array([1], "int64"), fixed=[1], exclusive=1, reverse=1)
    yield from op.form(op.real(7), np.array(0, "int64"), fixed=[1])
    yield from op.form(op.real(1, 1), np.array(0, "int64"), fixed=[1], exclusive=1)


def _top_k(op: Operator) -> Iterator[Form]:
    def given(k: int) -> tuple[dict[str, int], list[Array]]:
        return ({"k": k}, []) if op.has("k") else ({}, [ints(k)])

    for axis in (None, 0, 1, -1):
        if axis == -1 and op.version < 11:
            continue
        for k in (1, 2, 3):
            attributes, inputs = given(k)
            x = op.real(3, 4, 5)
            yield from op.form(x, *inputs, fixed=[1], outputs=2, axis=axis, **attributes)
            for largest in choices(op.name, "largest"):
                yield from op.form(x, *inputs, fixed=[1], outputs=2, axis=axis, largest=largest, **attributes)
    attributes, inputs = given(3)
    for dtype in op.types():
        for largest in (None, *choices(op.name, "largest")):
            yield from op.form(op.any(2, 6, dtype=dtype), *inputs, fixed=[1], outputs=2, largest=largest, **attributes)
    yield from op.form(
        op.whole(2, 9, low=0, high=3).astype("float32"), *inputs, fixed=[1], outputs=2, note="ties", **attributes
    )
    yield from op.form(op.real(2, 3), *inputs, fixed=[1], outputs=2, sorted=1, **attributes)
    for largest in (0, 1):  # the order is any: of one value, and of all, it is sure
        for size in (1, 5):
            given_one, one = given(1)
            x = op.real(2, size)
            yield from op.form(x, *one, fixed=[1], outputs=2, sorted=0, largest=largest, **given_one)


def _lp_normalization(op: Operator) -> Iterator[Form]:
    for p in (None, *choices(op.name, "p")):
        for axis in (None, 0, 1, -1, -2):
            yield from op.form(op.real(2, 3, 4), p=p, axis=axis)
    for dtype in op.types():
        yield from op.form(op.any(3, 4, dtype=dtype))
    yield from op.form(np.zeros((2, 3), "float32"), note="zeros")


REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")

GENERATORS = {
    **dict.fromkeys((f"Reduce{name}" for name in REDUCTIONS), _reduce),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), _softmax),
    **dict.fromkeys(("CumSum", "CumProd"), _cumulated),
    "LpNormalization": _lp_normalization,
    "TopK": _top_k,
}
