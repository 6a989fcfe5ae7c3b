"""Resize and Upsample: all ways to count, scales that are whole and that are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Array, Form, Operator, ints

SCALES: tuple[tuple[float, ...], ...] = (
    *((1, 1, 2, 2), (1, 1, 3, 2), (1, 1, 1.5, 1.5), (1, 1, 2.5, 1.3), (1, 1, 0.5, 0.5), (1, 1, 0.6, 0.4)),
    *((1, 1, 1, 1), (1, 1, 0.5, 2), (1, 1, 1, 1.7)),
)
SIZES: tuple[tuple[int, ...], ...] = ((1, 2, 6, 10), (1, 2, 5, 7), (1, 2, 2, 3), (1, 2, 1, 1), (1, 2, 3, 8))

OTHER_RANKS: tuple[tuple[tuple[int, ...], tuple[float, ...]], ...] = (
    *(((1, 2, 5), (1, 1, 2)), ((3, 4), (2, 3)), ((1, 1, 2, 3, 2), (1, 1, 2, 2, 3)), ((7,), (1.5,))),
    *(((1, 1, 2, 3, 2), (1, 1, 2, 1.5, 3)), ((3, 4), (2, 1.5)), ((2, 3, 4, 2), (1, 2, 2, 1))),
    ((2, 3, 2, 2), (1.5, 1, 1, 2)),
)
"""Shapes and scales."""

EXTRAS: tuple[dict[str, Any], ...] = (
    *({"cubic_coeff_a": -0.5}, {"exclude_outside": 0}, {"exclude_outside": 1}, {"antialias": 0}, {"antialias": 1}),
    {"antialias": 1, "exclude_outside": 1},
)
VERSIONS = {"half_pixel_symmetric": (19, 99), "tf_half_pixel_for_nn": (11, 12)}
"""The versions that have a way to count, where not all have."""


def _upsample(op: Operator) -> Iterator[Form]:
    for mode in (None, *choices(op.name, "mode")):
        for scales in SCALES:
            if min(scales) >= 1 or op.version >= 10:
                for shape in ((1, 2, 3, 5), (2, 1, 4, 1)):
                    yield from _scaled(op, op.real(*shape), scales, mode)
        for shape, scales in OTHER_RANKS[:4]:
            yield from _scaled(op, op.real(*shape), scales, mode)
    for dtype in op.types() if op.version > 7 else []:
        yield from _scaled(op, op.any(1, 1, 3, 4, dtype=dtype), (1, 1, 2, 2), None)


def _scaled(op: Operator, x: Array, scales: Sequence[float], mode: Any) -> Iterator[Form]:
    """With the scales where this version has them."""
    numbers = [float(item) for item in scales]
    if op.version == 1 and op.name == "Upsample":
        if len(numbers) == 4:
            yield from op.form(x, mode=mode, height_scale=numbers[2], width_scale=numbers[3])
    elif op.has("scales"):
        yield from op.form(x, mode=mode, scales=numbers)
    else:
        yield from op.form(x, np.array(scales, "float32"), fixed=[1], mode=mode)


def _resize(op: Operator) -> Iterator[Form]:
    if op.version == 10:
        yield from _upsample(op)
        return
    for mode, place in product(choices(op.name, "mode"), choices(op.name, "coordinate_transformation_mode")):
        first, last = VERSIONS.get(str(place), (0, 99))
        if first <= op.version <= last:
            for nearest in choices(op.name, "nearest_mode") if mode == "nearest" else (None,):
                attributes = {"mode": mode, "coordinate_transformation_mode": place, "nearest_mode": nearest}
                yield from (_cropped if place == "tf_crop_and_resize" else _resized)(op, attributes)
    for extra in EXTRAS:
        for mode in ("linear", "cubic") if "cubic_coeff_a" not in extra else ("cubic",):
            for scales in SCALES[:6]:
                yield from _by(op, op.real(1, 2, 4, 5), scales, mode=mode, **extra)
    for dtype, mode, scales in product(op.types(), choices(op.name, "mode"), (SCALES[0], SCALES[2])):
        yield from _by(op, op.any(1, 1, 3, 4, dtype=dtype), scales, mode=mode)
    for shape, scales in OTHER_RANKS:
        for mode in ("nearest", "linear"):
            yield from _by(op, op.real(*shape), scales, mode=mode)
    yield from _of_axes(op)


def _by(op: Operator, x: Array, scales: Sequence[float], **attributes: Any) -> Iterator[Form]:
    yield from op.form(x, *_roi(op), np.array(scales, "float32"), fixed=[1, 2], **attributes)


def _of_axes(op: Operator) -> Iterator[Form]:
    for policy in choices(op.name, "keep_aspect_ratio_policy"):
        for sizes in ((6, 10), (7, 8), (2, 2)):
            for axes in ([2, 3], [-2, -1], [3, 2]):
                attributes = {"axes": axes, "keep_aspect_ratio_policy": policy, "mode": "linear"}
                yield from op.form(op.real(1, 2, 4, 5), None, None, ints(*sizes), fixed=[3], **attributes)


def _roi(op: Operator) -> list[Array | None]:
    return [np.zeros(0, "float32")] if op.version < 13 else [None]


def _cropped(op: Operator, attributes: dict[str, Any]) -> Iterator[Form]:
    none = None if op.version >= 13 else np.zeros(0, "float32")
    for box in ((0, 0, 0.2, 0.1, 1, 1, 0.8, 0.9), (0, 0, -0.2, 0.3, 1, 1, 1.3, 0.6)):
        for value in (None, 3.0):
            given = np.array(box, "float32"), none, ints(1, 2, 3, 7)
            more = {"extrapolation_value": value, "note": str(box[2]), **attributes}
            yield from op.form(op.real(1, 2, 4, 5), *given, fixed=[1, 2, 3], **more)


def _resized(op: Operator, attributes: dict[str, Any]) -> Iterator[Form]:
    none = None if op.version >= 13 else np.zeros(0, "float32")
    for scales in SCALES:
        note = str(scales[2:]).replace(" ", "")
        yield from _by(op, op.real(1, 2, 3, 5), scales, note=note, **attributes)
    for sizes in SIZES:
        note = str(sizes[2:]).replace(" ", "")
        yield from op.form(op.real(1, 2, 3, 5), *_roi(op), none, ints(*sizes), fixed=[1, 2, 3], note=note, **attributes)


GENERATORS = {"Resize": _resize, "Upsample": _upsample}
