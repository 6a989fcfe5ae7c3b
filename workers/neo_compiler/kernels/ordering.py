"""ArgMax, ArgMin and TopK by whole numbers in the order of floats, as tensor expressions.

TVM's own compare floats: no number of a line may beat the one they begin with, and NaN, which beats and is beaten by
none, hides what stands before it. Here NaN is where ONNX Runtime has it.
"""

from __future__ import annotations

from typing import Any

from tvm import te, tirx

from neo_compiler.tvm_types import Expr, Tensor

WHOLE = {"float32": "int32", "float64": "int64"}
"""The type of as many bits as a float; shorter floats are made float32."""

INFINITY = {"int32": 0xFF << 23, "int64": 0x7FF << 52}
"""Its bits: those of NaN are more."""


def extreme_index(data: Tensor, axis: int, keepdims: bool, greatest: bool, last: bool = False) -> Tensor:
    """The index of the greatest number along `axis`, or of the least: of the first such, or the `last`, as int64.

    NaN counts where it is the first number of a line and nowhere else, as in ONNX Runtime.
    """
    length, along = data.shape[axis], te.reduce_axis((0, data.shape[axis]), "along")

    def combined(left: Any, right: Any) -> Any:
        before = left[0] > right[0] if last else left[0] < right[0]
        first = tirx.any(left[1] > right[1], tirx.all(left[1] == right[1], before))
        return tirx.Select(first, left[0], right[0]), tirx.Select(first, left[1], right[1])

    def none(index: str, number: str) -> Any:
        return tirx.const(-1, index), tirx.min_value(number)

    reducer = te.comm_reducer(combined, none, name="extreme")
    shape = [size for place, size in enumerate(data.shape) if place != axis]
    if keepdims:
        shape.insert(axis, 1)

    def pair(*index: Expr) -> Any:
        others = [number for place, number in enumerate(index) if not keepdims or place != axis]
        number = data(*others[:axis], along, *others[axis:])
        at_nan = tirx.Select(along == 0, _end(number, True), _end(number, False))
        return reducer((along.astype("int64"), _ordered(number, greatest, at_nan)), axis=along)

    pairs = te.compute(shape, pair, name="extreme")
    assert int(length) > 0
    return te.compute(shape, lambda *index: pairs[0](*index), name="extreme_index")


def order(data: Tensor) -> Tensor:
    """Whole numbers in the order of `data`, NaN the greatest."""

    def at(*index: Expr) -> Expr:
        number = data(*index)
        return _ordered(number, True, _end(number, True))

    return te.compute(data.shape, at, name="order")


def _ordered(number: Expr, rising: bool, at_nan: Expr) -> Expr:
    """A float's bits as a whole number that grows with it, or falls; no float's is the least or greatest of all."""
    number = _wide(number)
    dtype = WHOLE[str(number.ty.dtype)]
    most, none = tirx.max_value(dtype), tirx.const(0, dtype)
    bits = tirx.reinterpret(dtype, number)
    without_sign = tirx.bitwise_and(bits, most)
    whole = tirx.Select(bits < none, tirx.bitwise_xor(bits, most), bits)
    whole = tirx.Select(without_sign == none, none, whole)  # minus zero is zero
    is_nan = without_sign > tirx.const(INFINITY[dtype], dtype)
    return tirx.Select(is_nan, at_nan, whole if rising else tirx.bitwise_not(whole))


def _end(number: Expr, greatest: bool) -> Expr:
    dtype = WHOLE[str(_wide(number).ty.dtype)]
    return tirx.max_value(dtype) if greatest else tirx.min_value(dtype)


def _wide(number: Expr) -> Expr:
    return number if str(number.ty.dtype) in WHOLE else number.astype("float32")
