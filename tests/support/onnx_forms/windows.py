"""Operators with a window: convolutions and pooling, of one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from support.onnx_forms.choices import choices
from support.onnx_forms.form import Array, Form, Operator

SPATIAL: dict[int, tuple[int, ...]] = {1: (11,), 2: (9, 7), 3: (5, 6, 7)}
"""Odd and unequal sizes, by the number of dimensions."""

WINDOWS: dict[int, tuple[dict[str, Any], ...]] = {
    1: (
        {"kernel_shape": [3]},
        {"kernel_shape": [2], "strides": [2]},
        {"kernel_shape": [3], "pads": [1, 1]},
        {"kernel_shape": [3], "pads": [0, 2], "strides": [2]},
        {"kernel_shape": [1], "strides": [3]},
    ),
    2: (
        {"kernel_shape": [3, 3]},
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [1, 0, 0, 2]},
        {"kernel_shape": [3, 2], "strides": [2, 2]},
        {"kernel_shape": [1, 1]},
        {"kernel_shape": [1, 1], "strides": [2, 3]},
        {"kernel_shape": [4, 5], "strides": [3, 2], "pads": [2, 2, 1, 2]},
        {"kernel_shape": [9, 7]},
        {"kernel_shape": [3, 1], "pads": [1, 0, 1, 0]},
    ),
    3: (
        {"kernel_shape": [2, 3, 3]},
        {"kernel_shape": [3, 3, 3], "pads": [1, 1, 1, 1, 1, 1], "strides": [2, 1, 2]},
        {"kernel_shape": [1, 2, 2], "pads": [0, 1, 0, 0, 0, 1], "strides": [1, 2, 3]},
    ),
}
AUTOMATIC: dict[int, tuple[dict[str, Any], ...]] = {
    1: ({"kernel_shape": [3], "strides": [2]}, {"kernel_shape": [4]}),
    2: (
        {"kernel_shape": [3, 3], "strides": [2, 2]},
        {"kernel_shape": [2, 4]},
        {"kernel_shape": [3, 2], "strides": [2, 3]},
        {"kernel_shape": [1, 1], "strides": [2, 2]},
    ),
    3: ({"kernel_shape": [2, 3, 2], "strides": [2, 2, 1]},),
}
DILATED: dict[int, tuple[dict[str, Any], ...]] = {
    1: ({"kernel_shape": [3], "dilations": [2]},),
    2: (
        {"kernel_shape": [3, 3], "dilations": [2, 2]},
        {"kernel_shape": [3, 2], "dilations": [1, 3], "pads": [1, 2, 0, 1], "strides": [2, 1]},
    ),
    3: ({"kernel_shape": [2, 2, 2], "dilations": [2, 1, 3]},),
}


def windows(op: Operator, rank: int) -> Iterator[dict[str, Any]]:
    """Attributes of a window, each at least once with pads, with auto_pad, and with dilations."""
    yield from WINDOWS[rank]
    for mode in choices(op.name, "auto_pad"):
        for window in AUTOMATIC[rank]:
            yield {**window, "auto_pad": mode}
    if op.has("dilations"):
        yield from DILATED[rank]
        for mode in choices(op.name, "auto_pad")[1:]:
            yield {**DILATED[rank][0], "auto_pad": mode}


def convolution(op: Operator) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(channels in, channels out, attributes) of convolutions, those that are grouped and depthwise too."""
    for rank in SPATIAL:
        for window in windows(op, rank):
            yield 3, 4, window
        for channels, made, group in ((4, 6, 2), (3, 3, 3), (3, 6, 3), (1, 5, 1), (16, 16, 1), (8, 8, 8)):
            yield channels, made, {**WINDOWS[rank][2], "group": group}


def _conv(op: Operator) -> Iterator[Form]:
    for channels, made, attributes in convolution(op):
        kernel, group = attributes["kernel_shape"], attributes.get("group", 1)
        x = op.real(2, channels, *SPATIAL[len(kernel)])
        w, bias = op.real(made, channels // group, *kernel), op.real(made)
        yield from op.form(x, w, bias, fixed=[1, 2], **attributes)
        yield from op.form(
            x, w, fixed=[1], **{key: value for key, value in attributes.items() if key != "kernel_shape"}
        )
    for dtype in op.types():
        yield from op.form(op.any(1, 2, 5, 5, dtype=dtype), op.any(3, 2, 3, 3, dtype=dtype), fixed=[1])
    yield from op.form(op.real(1, 2, 5, 5), op.real(3, 2, 3, 3), op.real(3), note="weights fed")


def _conv_transpose(op: Operator) -> Iterator[Form]:
    for channels, made, attributes in convolution(op):
        kernel, group = attributes["kernel_shape"], attributes.get("group", 1)
        x, w = op.real(2, channels, *SPATIAL[len(kernel)]), op.real(channels, made // group, *kernel)
        yield from op.form(x, w, op.real(made), fixed=[1, 2], **attributes)
        yield from op.form(
            x, w, fixed=[1], **{key: value for key, value in attributes.items() if key != "kernel_shape"}
        )
    x, w = op.real(1, 2, 5, 4), op.real(2, 3, 3, 3)
    for padding in ([1, 1], [0, 1], [1, 0]):
        yield from op.form(x, w, fixed=[1], strides=[2, 2], output_padding=padding)
        yield from op.form(x, w, fixed=[1], strides=[2, 2], output_padding=padding, pads=[1, 1, 1, 1])
        yield from op.form(x, w, fixed=[1], strides=[2, 2], output_padding=padding, pads=[0, 1, 2, 0], dilations=[2, 1])
    for mode in (None, *choices(op.name, "auto_pad")[:3]):
        for target in ([11, 9], [10, 8], [9, 9], [12, 10], [11, 8]):
            yield from op.form(x, w, fixed=[1], strides=[2, 2], output_shape=target, auto_pad=mode)
            yield from op.form(
                x, w, fixed=[1], strides=[2, 2], output_shape=target, auto_pad=mode, output_padding=[1, 0]
            )
    yield from op.form(op.real(1, 2, 7), op.real(2, 3, 4), fixed=[1], strides=[2], output_shape=[13])
    yield from op.form(
        op.real(1, 2, 3, 4, 3), op.real(2, 1, 2, 3, 3), fixed=[1], strides=[2, 2, 2], output_shape=[5, 8, 6]
    )
    for dtype in op.types():
        yield from op.form(op.any(1, 2, 5, 4, dtype=dtype), op.any(2, 3, 3, 3, dtype=dtype), fixed=[1])
    yield from op.form(x, w, op.real(3), note="weights fed")


def _pool(op: Operator) -> Iterator[Form]:
    for rank, spatial in SPATIAL.items():
        x = op.real(2, 3, *spatial)
        for window in windows(op, rank):
            for extra in _extras(op):
                yield from op.form(x, **window, **extra)
    for dtype in op.types():
        for ceil_mode in (None, *choices(op.name, "ceil_mode")):
            yield from op.form(
                op.any(1, 2, 6, 5, dtype=dtype), kernel_shape=[3, 2], strides=[2, 2], ceil_mode=ceil_mode
            )
    if op.name == "MaxPool":
        yield from _indices(op)


def _extras(op: Operator) -> Iterator[dict[str, Any]]:
    yield {}
    for name, values in (("ceil_mode", (1,)), ("count_include_pad", (0, 1)), ("p", (1, 3))):
        if op.has(name):
            yield from ({name: value if op.name != "LpPool" or op.version > 1 else float(value)} for value in values)
    if op.has("ceil_mode") and op.has("count_include_pad"):
        yield {"ceil_mode": 1, "count_include_pad": 1}


def _indices(op: Operator) -> Iterator[Form]:
    for rank, spatial in SPATIAL.items():
        for window in WINDOWS[rank][:3]:
            for order in choices(op.name, "storage_order"):
                yield from op.form(op.real(2, 3, *spatial), outputs=2, storage_order=order, **window)
    yield from op.form(op.real(2, 3, 9, 7), outputs=2, kernel_shape=[3, 3], dilations=[2, 1])
    yield from op.form(op.real(2, 3, 9, 7), outputs=2, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    yield from op.form(op.real(2, 3, 9, 7), outputs=2, kernel_shape=[3, 3], auto_pad="SAME_UPPER", strides=[2, 2])


def _global(op: Operator) -> Iterator[Form]:
    for shape in ((2, 3, 7), (2, 3, 5, 7), (1, 2, 3, 4, 5), (2, 3, 1, 1), (1, 1, 17, 1)):
        for p in (None, 1, 2, 3) if op.has("p") else (None,):
            value: Any = float(p) if p is not None and op.version == 1 else p
            yield from op.form(op.real(*shape), p=value)
    for dtype in op.types():
        yield from op.form(op.any(1, 2, 3, 5, dtype=dtype))


def _max_unpool(op: Operator) -> Iterator[Form]:
    x = op.real(1, 2, 2, 3)
    places: Array = np.array([[[[0, 3, 5], [14, 16, 21]], [[25, 26, 29], [36, 40, 47]]]], "int64")
    for attributes in ({"strides": [2, 2]}, {"strides": [2, 2], "pads": [0, 0, 0, 0]}):
        yield from op.form(x, places, kernel_shape=[2, 2], **attributes)
        yield from op.form(x, places, np.array([1, 2, 4, 6], "int64"), fixed=[2], kernel_shape=[2, 2], **attributes)
        yield from op.form(x, places, np.array([1, 2, 5, 7], "int64"), fixed=[2], kernel_shape=[2, 2], **attributes)
    yield from op.form(op.real(1, 1, 4), np.array([[[0, 3, 4, 7]]], "int64"), kernel_shape=[2], strides=[2])


GENERATORS = {
    "AveragePool": _pool,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "GlobalAveragePool": _global,
    "GlobalLpPool": _global,
    "GlobalMaxPool": _global,
    "LpPool": _pool,
    "MaxPool": _pool,
    "MaxUnpool": _max_unpool,
}
