"""Operators that move values: reshaping, joining, cutting, padding, repeating."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Form, Operator, ints


def _reshape(op: Operator) -> Iterator[Form]:
    targets = ((6, 4), (-1,), (0, -1), (2, 0, -1), (4, 3, 2), (1, 24, 1), (0, 0, 0), (2, -1, 2))
    for target in targets:
        attributes, inputs = op.setting("shape", target)
        yield from op.form(op.real(2, 3, 4), *inputs, fixed=[1], **attributes)
    for dtype in op.types():
        attributes, inputs = op.setting("shape", (3, -1))
        yield from op.form(op.any(2, 3, 4, dtype=dtype), *inputs, fixed=[1], **attributes)
    if op.version < 5:
        yield from op.form(op.real(2, 3), shape=[3, 2], consumed_inputs=[0])
        return
    yield from op.form(op.real(1), np.zeros(0, "int64"), fixed=[1])
    yield from op.form(op.real(2, 0, 3), ints(3, 0, 7), fixed=[1], allowzero=1)
    for flag in choices(op.name, "allowzero"):
        yield from op.form(op.real(2, 3), ints(3, 2), fixed=[1], allowzero=flag)


def _flatten(op: Operator) -> Iterator[Form]:
    for axis in (None, 0, 1, 2, 3, -1, -2, -3):
        if axis is None or axis >= 0 or op.version >= 11:
            yield from op.form(op.real(2, 3, 4), axis=axis)
    for dtype in op.types():
        yield from op.form(op.any(2, 3, 4, 5, dtype=dtype))
    yield from op.form(op.real(5), axis=0)
    yield from op.form(op.real(2, 3))


def _squeeze(op: Operator) -> Iterator[Form]:
    for axes in (None, (0,), (0, 3), (2,), (-1,), (-4, -2), (0, 2, 3)):
        if axes and min(axes) < 0 and op.version < 11:
            continue
        attributes, inputs = op.setting("axes", axes)
        for dtype in op.types() if axes == (0,) else op.types()[:1]:
            yield from op.form(op.any(1, 3, 1, 1, dtype=dtype), *inputs, fixed=[1], **attributes)


def _unsqueeze(op: Operator) -> Iterator[Form]:
    for axes in ((0,), (1,), (0, 3), (3, 0), (-1,), (-1, 0), (1, 2, 4)):
        if min(axes) < 0 and op.version < 11:
            continue
        attributes, inputs = op.setting("axes", axes)
        for dtype in op.types() if axes == (0,) else op.types()[:1]:
            yield from op.form(op.any(2, 3, dtype=dtype), *inputs, fixed=[1], **attributes)
    attributes, inputs = op.setting("axes", (0,))
    yield from op.form(op.real(), *inputs, fixed=[1], **attributes)


def _transpose(op: Operator) -> Iterator[Form]:
    for perm in (None, [0, 1, 2, 3], [0, 2, 3, 1], [3, 2, 1, 0], [1, 0, 3, 2]):
        for dtype in op.types() if perm == [0, 2, 3, 1] else op.types()[:1]:
            yield from op.form(op.any(2, 3, 4, 5, dtype=dtype), perm=perm)
    yield from op.form(op.real(5))
    yield from op.form(op.real())


def _concat(op: Operator) -> Iterator[Form]:
    shapes: dict[Any, tuple[tuple[int, ...], ...]] = {
        0: ((2, 3), (1, 3), (4, 3)),
        1: ((2, 3), (2, 1)),
        -1: ((2, 3), (2, 1), (2, 2)),
        -2: ((2, 3), (1, 3)),
        None: ((2, 3, 4), (2, 5, 4)),
    }
    for axis, parts in shapes.items():
        if (axis is None and op.version >= 4) or (axis is not None and axis < 0 and op.version < 11):
            continue
        yield from op.form(*(op.real(*part) for part in parts), axis=axis)
        yield from op.form(*(op.real(*part) for part in parts), axis=axis, fixed=[1])
    for dtype in op.types():
        yield from op.form(op.any(2, 3, dtype=dtype), op.any(2, 2, dtype=dtype), axis=1)
    yield from op.form(op.real(2, 3), axis=1)
    yield from op.form(op.real(2, 0), op.real(2, 3), axis=1)


def _split(op: Operator) -> Iterator[Form]:
    x = op.real(2, 6, 4)
    for axis, split in ((1, (2, 4)), (1, (1, 2, 3)), (1, (3, 3)), (-1, (1, 3)), (2, (4,)), (1, (0, 6))):
        if axis < 0 and op.version < 11:
            continue
        attributes, inputs = op.setting("split", split)
        yield from op.form(x, *inputs, fixed=[1], outputs=len(split), axis=axis, **attributes)
    if op.version == 1:
        yield from op.form(x, np.array([2, 4], "float32"), fixed=[1], outputs=2, axis=1)
    for outputs, axis in ((2, None), (2, 0), (3, 1), (2, -1)):
        number = outputs if op.has("num_outputs") else None
        if axis != -1 or op.version >= 11:
            yield from op.form(x, outputs=outputs, axis=axis, num_outputs=number)
    for outputs in (4, 5):
        yield from op.form(op.real(2, 7), outputs=outputs, axis=1, num_outputs=outputs) if outputs == 4 else ()
    for dtype in op.types():
        number = 2 if op.has("num_outputs") else None
        yield from op.form(op.any(2, 6, dtype=dtype), outputs=2, axis=1, num_outputs=number)


SLICES: tuple[tuple[Any, Any, Any, Any], ...] = (
    ((0, 1), (2, 3), None, None),
    ((1,), (100,), (1,), None),
    ((-2,), (-1,), (2,), None),
    ((0, 0, 0), (1, 2, 3), (0, 1, 2), None),
    ((1, 0), (2, 3), (2, 0), None),
    ((0,), (2**31 - 1,), (1,), None),
    ((0,), (2**63 - 1,), (1,), None),
    ((-100,), (2,), (1,), None),
    ((2,), (2,), (1,), None),
    ((3,), (1,), (1,), None),
    ((0, 0), (2, 3), (-1, -2), None),
    ((0,), (4,), (2,), (2,)),
    ((3,), (0,), (2,), (-1,)),
    ((-1,), (-100,), (2,), (-1,)),
    ((-1,), (-(2**31),), (2,), (-2,)),
    ((100, 0), (-100, 3), (2, 1), (-3, 2)),
    ((0, 0, 0), (2, 3, 4), (0, 1, 2), (1, 2, 3)),
)
"""Starts, ends, axes and steps of a value of [2, 3, 4]."""


def _slice(op: Operator) -> Iterator[Form]:
    for starts, ends, axes, steps in SLICES:
        x = op.real(2, 3, 4)
        if op.version < 10:
            if steps is None and (axes is None or min(axes) >= 0):
                yield from op.form(x, starts=list(starts), ends=list(ends), axes=axes and list(axes))
            continue
        if axes and min(axes) < 0 and op.version < 11:
            continue
        limits = [None if item is None else ints(*item) for item in (starts, ends, axes, steps)]
        yield from op.form(x, *limits, fixed=[1, 2, 3, 4])
        small = [None if item is None else np.clip(item, -(2**31), 2**31 - 1).astype("int32") for item in limits]
        yield from op.form(x, *small, fixed=[1, 2, 3, 4])
    for dtype in op.types():
        x = op.any(3, 5, dtype=dtype)
        yield from op.form(x, starts=[1], ends=[3]) if op.version < 10 else op.form(x, ints(1), ints(3), fixed=[1, 2])


PADS: tuple[tuple[int, ...], ...] = (
    (0, 0, 0, 0),
    (1, 0, 2, 1),
    (0, 2, 0, 0),
    (1, 1, 1, 1),
    (0, -1, 0, -1),
    (1, -1, 0, 2),
)


def _pad(op: Operator) -> Iterator[Form]:
    name = "paddings" if op.has("paddings") else "pads"
    for mode in (None, *choices(op.name, "mode")):
        if mode == "wrap" and op.version < 19:
            continue
        for pads in PADS:
            attributes, inputs = op.setting(name, pads)
            yield from op.form(op.real(3, 4), *inputs, fixed=[1], mode=mode, **attributes)
    attributes, inputs = op.setting(name, (0, 0, 1, 2, 0, 0, 2, 1))
    for mode in ("constant", "reflect", "edge"):
        yield from op.form(op.real(1, 2, 4, 5), *inputs, fixed=[1], mode=mode, **attributes)
    yield from op.form(op.real(1, 2, 4, 5), value=1.5, **attributes)
    for dtype in op.types() if op.version >= 11 else []:
        value = np.array(1, dtype)
        yield from op.form(op.any(3, 4, dtype=dtype), ints(1, 0, 2, 1), value, fixed=[1, 2])
        yield from op.form(op.any(3, 4, dtype=dtype), ints(1, 0, 2, 1), value, fixed=[1])
        yield from op.form(op.any(3, 4, dtype=dtype), ints(1, 0, 2, 1), fixed=[1], mode="reflect")
    for axes in ((0,), (1,), (-1,), (1, 0)):
        pads_of = ints(*range(2 * len(axes)))
        for mode in ("constant", "edge"):
            yield from op.form(
                op.real(3, 4), pads_of, np.array(0.5, "float32"), ints(*axes), fixed=[1, 2, 3], mode=mode
            )
            yield from op.form(op.real(3, 4), pads_of, None, ints(*axes), fixed=[1, 3], mode=mode)


def _tile(op: Operator) -> Iterator[Form]:
    if op.version == 1:
        for axis in (0, 1, 2):
            yield from op.form(op.real(2, 3, 4), np.array(3, "float32"), np.array(axis, "float32"), fixed=[1, 2])
        return
    for repeats in ((1, 2), (3, 1), (2, 3), (1, 1)):
        yield from op.form(op.real(2, 3), ints(*repeats), fixed=[1])
    for dtype in op.types():
        yield from op.form(op.any(2, 3, dtype=dtype), ints(2, 2), fixed=[1])


def _expand(op: Operator) -> Iterator[Form]:
    for source, target in (
        ((3, 1), (3, 4)),
        ((3, 1), (2, 1, 4)),
        ((1,), (2, 3)),
        ((), (2, 3)),
        ((2, 3), (1, 1)),
        ((3,), (3,)),
        ((2, 3), (3,)),
    ):
        yield from op.form(op.real(*source), ints(*target), fixed=[1])
    for dtype in op.types():
        yield from op.form(op.any(3, 1, dtype=dtype), ints(2, 3, 4), fixed=[1])


def _shape(op: Operator) -> Iterator[Form]:
    for start in (None, 0, 1, -2, 5, -9):
        for end in (None, 1, 3, -1, 9):
            yield from op.form(op.real(2, 3, 4), start=start, end=end)


def _size(op: Operator) -> Iterator[Form]:
    for shape in ((2, 3, 4), (), (5,), (2, 0)):
        yield from op.form(op.real(*shape))


def _depth_to_space(op: Operator) -> Iterator[Form]:
    deep = op.name == "DepthToSpace"
    for size in (1, 2, 3):
        shape = (2, size * size * 2, 3, 2) if deep else (2, 3, size * 2, size * 3)
        for mode in (None, *choices(op.name, "mode")):
            for dtype in op.types() if size == 2 else op.types()[:1]:
                yield from op.form(op.any(*shape, dtype=dtype), blocksize=size, mode=mode)


def _trilu(op: Operator) -> Iterator[Form]:
    for upper in (None, *choices(op.name, "upper")):
        for k in (None, -7, -2, -1, 0, 1, 3, 9):
            diagonal = None if k is None else np.array(k, "int64")
            yield from op.form(op.real(4, 5), diagonal, fixed=[1], upper=upper)
        for dtype in op.types():
            yield from op.form(op.any(2, 3, 3, dtype=dtype), upper=upper)


GENERATORS = {
    "Concat": _concat,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _flatten,
    "Pad": _pad,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": _size,
    "Slice": _slice,
    "SpaceToDepth": _depth_to_space,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
