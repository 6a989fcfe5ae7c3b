"""Quantised operators: their values are compared exactly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from support.onnx_forms.form import Array, Form, Operator, onnx_type
from support.onnx_forms.windows import SPATIAL, convolution

BYTES = ("uint8", "int8")


def _byte(op: Operator, *shape: int, dtype: str) -> Array:
    limits = np.iinfo(dtype)
    return op.whole(*shape, low=int(limits.min), high=int(limits.max) + 1, dtype=dtype)


def _quantize(op: Operator) -> Iterator[Form]:
    x = op.real(2, 3, 4, low=-9, high=9)
    x[0, 0] = [0.05, 0.15, 0.25, -0.25]
    for dtype in BYTES:
        zero = np.array(3, dtype)
        yield from op.form(x, np.array(0.1, "float32"), zero, fixed=[1, 2])
        yield from op.form(x, np.array(0.01, "float32"), zero, fixed=[1, 2], note="saturates")
        for axis in (None, 0, 1, 2, -1):
            size = (2, 3, 4)[1 if axis is None else axis]
            scales = op.real(size, low=0.05, high=0.2)
            yield from (
                op.form(x, scales, _byte(op, size, dtype=dtype) // 4, fixed=[1, 2], axis=axis)
                if op.version >= 13
                else ()
            )
        yield from op.form(x.astype("float16"), np.array(0.1, "float16"), zero, fixed=[1, 2])
        yield from op.form(x, np.array(0.1, "float32"), fixed=[1], output_dtype=onnx_type(dtype), note=dtype)
        yield from op.form(
            x,
            op.real(2, 3, 2, low=0.05, high=0.2),
            _byte(op, 2, 3, 2, dtype=dtype) // 4,
            fixed=[1, 2],
            axis=2,
            block_size=2,
        )
    yield from op.form(x, np.array(0.1, "float32"), fixed=[1])
    yield from op.form(np.array([1, -7, 300], "int32"), np.array(0.5, "float32"), np.array(0, "int8"), fixed=[1, 2])
    yield from op.form(
        np.array([np.inf, -np.inf, 1e30, -1e30, 0], "float32"),
        np.array(0.1, "float32"),
        np.array(0, "uint8"),
        fixed=[1, 2],
        note="edges",
    )


def _dequantize(op: Operator) -> Iterator[Form]:
    for dtype in (*BYTES, "int32"):
        x = (
            _byte(op, 2, 3, 4, dtype=dtype)
            if dtype in BYTES
            else op.whole(2, 3, 4, low=-(2**20), high=2**20, dtype="int32")
        )
        zero = np.array(3 if dtype != "int32" else 0, dtype)
        yield from op.form(x, np.array(0.1, "float32"), zero, fixed=[1, 2])
        yield from op.form(x, np.array(0.1, "float32"), fixed=[1])
        for axis in (None, 0, 1, 2, -1):
            size = (2, 3, 4)[1 if axis is None else axis]
            zeros = _byte(op, size, dtype=dtype) // 4 if dtype in BYTES else np.zeros(size, "int32")
            yield from (
                op.form(x, op.real(size, low=0.05, high=0.2), zeros, fixed=[1, 2], axis=axis)
                if op.version >= 13
                else ()
            )
        yield from op.form(x, np.array(0.1, "float16"), fixed=[1])
        yield from op.form(x, op.real(2, 3, 2, low=0.05, high=0.2), fixed=[1], axis=2, block_size=2)
        yield from op.form(x, np.array(0.1, "float32"), fixed=[1], output_dtype=onnx_type("float16"))


def _dynamic(op: Operator) -> Iterator[Form]:
    for x in (
        op.real(3, 4),
        op.real(7, low=1, high=5),
        op.real(7, low=-5, high=-1),
        np.zeros(3, "float32"),
        op.real(1),
    ):
        yield from op.form(x, outputs=3)


def _matmul_integer(op: Operator) -> Iterator[Form]:
    for left in BYTES:
        for right in BYTES:
            a, b = _byte(op, 3, 5, dtype=left), _byte(op, 5, 4, dtype=right)
            zeros = np.array(3, left), np.array(5, right)
            yield from op.form(a, b, fixed=[1])
            yield from op.form(a, b, *zeros, fixed=[1, 2, 3])
            yield from op.form(a, b, zeros[0], fixed=[1, 2])
            yield from op.form(a, b, None, zeros[1], fixed=[1, 3])
            yield from op.form(a, b, np.array([3], left), _byte(op, 4, dtype=right) // 4, fixed=[1, 2, 3])
            yield from op.form(a, b, _byte(op, 3, dtype=left) // 4, np.array([1], right), fixed=[1, 2, 3])
            yield from op.form(_byte(op, 2, 3, 5, dtype=left), _byte(op, 2, 5, 4, dtype=right), *zeros, fixed=[2, 3])
            yield from op.form(_byte(op, 5, dtype=left), b, fixed=[1])
            yield from op.form(
                _byte(op, 2, 300, dtype=left), _byte(op, 300, 3, dtype=right), *zeros, fixed=[1, 2, 3], note="long sums"
            )


def _qlinear_matmul(op: Operator) -> Iterator[Form]:
    scale = np.array(0.02, "float32")
    for left in BYTES:
        for right in BYTES:
            a, b = _byte(op, 3, 5, dtype=left), _byte(op, 5, 4, dtype=right)
            rest = np.array(0.9, "float32"), np.array(3, left)
            fixed = [1, 2, 3, 4, 5, 6, 7]
            yield from op.form(a, scale, np.array(3, left), b, scale, np.array(5, right), *rest, fixed=fixed)
            yield from op.form(
                a,
                scale,
                np.array(3, left),
                b,
                op.real(4, low=0.01, high=0.03),
                _byte(op, 4, dtype=right) // 8,
                *rest,
                fixed=fixed,
            )
            yield from op.form(
                _byte(op, 2, 3, 5, dtype=left),
                scale,
                np.array(3, left),
                _byte(op, 2, 5, 4, dtype=right),
                scale,
                np.array(5, right),
                *rest,
                fixed=fixed,
            )


def _conv_integer(op: Operator) -> Iterator[Form]:
    for channels, made, attributes in convolution(op):
        kernel, group = attributes["kernel_shape"], attributes.get("group", 1)
        for weight in BYTES if len(kernel) == 2 else BYTES[:1]:
            x = _byte(op, 1, channels, *SPATIAL[len(kernel)], dtype="uint8")
            w = _byte(op, made, channels // group, *kernel, dtype=weight)
            yield from op.form(x, w, fixed=[1], **attributes)
            yield from op.form(x, w, np.array(7, "uint8"), np.array(2, weight), fixed=[1, 2, 3], **attributes)


def _qlinear_conv(op: Operator) -> Iterator[Form]:
    scale = np.array(0.02, "float32")
    for channels, made, attributes in convolution(op):
        kernel, group = attributes["kernel_shape"], attributes.get("group", 1)
        for weight in BYTES if len(kernel) == 2 else BYTES[1:]:
            x = _byte(op, 1, channels, *SPATIAL[len(kernel)], dtype="uint8")
            w = _byte(op, made, channels // group, *kernel, dtype=weight)
            rest = np.array(1.1, "float32"), np.array(100, "uint8")
            bias = op.whole(made, low=-900, high=900, dtype="int32")
            fixed = range(1, 9)
            zero = np.array(0 if weight == "int8" else 9, weight)
            yield from op.form(x, scale, np.array(7, "uint8"), w, scale, zero, *rest, bias, fixed=fixed, **attributes)
            per_channel = op.real(made, low=0.01, high=0.03), np.full(made, zero, weight)
            yield from op.form(x, scale, np.array(7, "uint8"), w, *per_channel, *rest, fixed=fixed, **attributes)


GENERATORS = {
    "ConvInteger": _conv_integer,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _dynamic,
    "MatMulInteger": _matmul_integer,
    "QLinearConv": _qlinear_conv,
    "QLinearMatMul": _qlinear_matmul,
    "QuantizeLinear": _quantize,
}
