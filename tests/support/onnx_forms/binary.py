"""Operators of two or more inputs that work value by value, and broadcast."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from support.onnx_forms.form import Array, Form, Operator

PAIRS = (
    ((2, 3, 4), (2, 3, 4)),
    ((2, 3, 4), (3, 4)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), ()),
    ((), (2, 3)),
    ((2, 3, 4), (1, 3, 1)),
    ((3, 1), (2, 3, 4)),
    ((4,), (2, 1, 1)),
    ((1, 5, 1), (4, 1, 3)),
    ((1,), (1, 1)),
    ((17,), (17,)),
    ((2, 0, 3), (1, 3)),
)
"""Shapes that numpy's rule brings together."""

OLD_PAIRS = (
    ((2, 3, 4), (3, 4), None),
    ((2, 3, 4), (4,), None),
    ((2, 3, 4), (1,), None),
    ((2, 3, 4), (), None),
    ((2, 3, 4, 5), (3,), 1),
    ((2, 3, 4, 5), (3, 4), 1),
    ((2, 3, 4, 5), (2,), 0),
    ((2, 3, 3, 5), (3,), 1),
    ((2, 3, 4, 5), (4, 5), 2),
    ((2, 3, 4, 5), (4,), -2),
)
"""Shapes that `broadcast` and `axis` of opsets before 7 bring together."""

RANGES = {"Pow": ((0.1, 3.0), (-2.0, 2.0)), "Div": ((-4.0, 4.0), (0.3, 3.0)), "Mod": ((-9.0, 9.0), (0.4, 3.0))}
DIVISIONS = ("Div", "Mod")


def _right(op: Operator, shape: tuple[int, ...], dtype: str) -> Array:
    kind = np.dtype(dtype).kind
    if kind in "iu" and op.name in DIVISIONS:
        signs = op.random("sign", shape).choice((-1, 1), shape) if kind == "i" else 1
        return np.asarray(op.whole(*shape, low=1, high=5) * signs, dtype)
    if kind in "iu" and op.name == "Pow":
        return op.whole(*shape, low=0, high=4, dtype=dtype)
    if kind in "u" and op.name == "BitShift":
        return op.whole(*shape, low=0, high=8, dtype=dtype)
    low, high = RANGES.get(op.name, ((-2.0, 2.0),) * 2)[1]
    return _equal_at_places(op, op.any(*shape, dtype=dtype, low=low, high=high))


def _left(op: Operator, shape: tuple[int, ...], dtype: str) -> Array:
    low, high = RANGES.get(op.name, ((-2.0, 2.0),) * 2)[0]
    return _equal_at_places(op, op.any(*shape, dtype=dtype, low=low, high=high))


def _equal_at_places(op: Operator, values: Array) -> Array:
    """For comparisons: few distinct values, so that some are equal."""
    return np.round(values) if op.name in ("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual") else values


def _attributes(op: Operator, dtype: str) -> tuple[dict[str, object], ...]:
    if op.name == "BitShift":
        return {"direction": "LEFT"}, {"direction": "RIGHT"}
    if op.name == "Mod":
        return ({"fmod": 1},) if np.dtype(dtype).kind == "f" else ({}, {"fmod": 0}, {"fmod": 1})
    return ({},)


def _arithmetic(op: Operator) -> Iterator[Form]:
    if op.has("broadcast"):
        yield from _old(op)
        return
    for dtype in op.types():
        for attributes in _attributes(op, dtype):
            x, y = _left(op, (2, 3, 4), dtype), _right(op, (2, 3, 4), dtype)
            yield from op.form(x, y, **attributes)
            yield from op.form(x, y[0, 0], fixed=[1], **attributes)
    dtype = op.types()[0]
    attributes = _attributes(op, dtype)[0]
    for left, right in PAIRS:
        x, y = _left(op, left, dtype), _right(op, right, dtype)
        yield from op.form(x, y, **attributes)
        yield from op.form(x, y, fixed=[1], **attributes)
        yield from op.form(x, y, fixed=[0], **attributes)
    if op.name == "Pow":
        yield from _powers(op)


def _old(op: Operator) -> Iterator[Form]:
    for dtype in op.types()[:2]:
        same = _left(op, (2, 3, 4), dtype), _right(op, (2, 3, 4), dtype)
        yield from op.form(*same)
        yield from op.form(*same, fixed=[1], broadcast=0)
        yield from op.form(*same, consumed_inputs=[0, 0])
        for left, right, axis in OLD_PAIRS:
            x, y = _left(op, left, dtype), _right(op, right, dtype)
            yield from op.form(x, y, broadcast=1, axis=axis)
            yield from op.form(x, y, fixed=[1], broadcast=1, axis=axis)


def _powers(op: Operator) -> Iterator[Form]:
    """Bases and exponents of different types, and constant exponents that have kernels of their own."""
    for left in op.types(0):
        for right in op.types(1) if op.version >= 12 else []:
            base = (
                op.any(2, 3, dtype=left, low=0.1, high=3) if "f" in left else op.whole(2, 3, low=1, high=5, dtype=left)
            )
            yield from op.form(
                base,
                op.whole(2, 3, low=0, high=4, dtype=right)
                if "f" not in right
                else op.whole(2, 3, low=0, high=4).astype(right),
            )
    for exponent in (2.0, 3.0, 0.5, -1.0, 0.0, 1.0, -2.0):
        base = op.real(2, 3, low=0.1) if exponent == 0.5 else op.real(2, 3)
        yield from op.form(base, np.array(exponent, "float32"), fixed=[1])
        yield from op.form(base, np.full((2, 3), exponent, "float32"), note="exponents fed")


def _divisions(op: Operator) -> Iterator[Form]:
    yield from _arithmetic(op)
    if op.name == "Div":
        yield from op.form(
            np.array([1, -1, 4, -4, 1e30], "float32"), np.array([0, 0, np.inf, np.inf, 1e-10], "float32"), note="edges"
        )
    for dtype in op.types():
        if np.dtype(dtype).kind == "i":
            x, y = np.array([7, -7, 7, -7, 0], dtype), np.array([2, 2, -2, -2, 3], dtype)
            for fmod in (0, 1) if op.name == "Mod" else (None,):
                yield from op.form(x, y, note="signs", fmod=fmod)
                yield from op.form(x, np.array(-2, dtype), note="signs", fixed=[1], fmod=fmod)


def _shift(op: Operator) -> Iterator[Form]:
    yield from _arithmetic(op)


def _variadic(op: Operator) -> Iterator[Form]:
    for dtype in op.types():
        x = [op.any(2, 3, dtype=dtype) for _ in range(3)]
        for count in (1, 2, 3):
            yield from op.form(*x[:count])
        yield from op.form(*x, fixed=[1])
        yield from op.form(*x, fixed=[0, 1])
    if op.version >= 8:
        for left, right in PAIRS:
            yield from op.form(op.real(*left), op.real(*right))
        yield from op.form(op.real(3, 1), op.real(1, 4), op.real(2, 1, 1))
        yield from op.form(op.real(2, 3), op.real(), fixed=[1])
    yield from op.form(op.real(2, 3), op.real(2, 3), consumed_inputs=[0, 0])
    edges = np.array([np.inf, -np.inf, 0, 1e30], "float32")
    if op.name in ("Max", "Min"):
        yield from op.form(edges, edges[::-1].copy(), note="edges")


def _where(op: Operator) -> Iterator[Form]:
    for dtype in op.types(1):
        yield from op.form(op.flags(2, 3), op.any(2, 3, dtype=dtype), op.any(2, 3, dtype=dtype))
    shapes = (((2, 3, 4), (3, 4), ()), ((4,), (2, 3, 4), (1, 3, 1)), ((2, 1, 1), (3, 1), (4,)), ((), (2, 3), (2, 3)))
    for condition, left, right in shapes:
        for fixed in ((), (0,), (1,), (2,), (1, 2)):
            yield from op.form(op.flags(*condition), op.real(*left), op.real(*right), fixed=fixed)


def _prelu(op: Operator) -> Iterator[Form]:
    slopes: tuple[tuple[int, ...], ...] = (
        ((1,), (3,)) if op.version < 7 else ((1,), (3, 1, 1), (1, 3, 1, 1), (5,), (2, 3, 4, 5), ())
    )
    for dtype in op.types():
        for slope in slopes:
            x, s = op.any(2, 3, 4, 5, dtype=dtype), op.any(*slope, dtype=dtype)
            yield from op.form(x, s, fixed=[1])
            yield from op.form(x, s)
    if op.version < 7:
        yield from op.form(op.real(2, 3), op.real(3), fixed=[1])
        yield from op.form(op.real(2, 3), op.real(3), fixed=[1], consumed_inputs=[0, 0])
    yield from op.form(op.real(4, 3), op.real(3 if op.version >= 7 else 1), fixed=[1])


GENERATORS = {
    **dict.fromkeys(
        (
            *("Add", "And", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Equal", "Greater", "GreaterOrEqual", "Less"),
            *("LessOrEqual", "Mul", "Or", "Pow", "Sub", "Xor"),
        ),
        _arithmetic,
    ),
    "BitShift": _shift,
    "Div": _divisions,
    "Mod": _divisions,
    "Max": _variadic,
    "Min": _variadic,
    "Sum": _variadic,
    "Mean": _variadic,
    "Where": _where,
    "PRelu": _prelu,
}
