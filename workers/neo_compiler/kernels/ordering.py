"""ArgMax, ArgMin and TopK by whole numbers in the order of floats, as tensor expressions.

TVM's own compare floats: no number of a line may beat the one they begin with, and NaN, which beats and is beaten by
none, hides what stands before it. Here NaN is where ONNX Runtime has it.
"""

from __future__ import annotations

from tvm import te, tirx, topi

from neo_compiler.tvm_types import Expr, Tensor

WHOLE = {"float32": "int32", "float64": "int64"}
"""The type of as many bits as a float; shorter floats are made float32."""

INFINITY = {"int32": 0xFF << 23, "int64": 0x7FF << 52}
"""Its bits: those of NaN are more."""


def extreme_index(data: Tensor, axis: int, keepdims: bool, greatest: bool, last: bool = False) -> Tensor:
    """The index of the greatest number along `axis`, or of the least: of the first such, or the `last`, as int64.

    NaN counts where it is the first number of a line and nowhere else, as in ONNX Runtime.
    """
    length = data.shape[axis]

    def at(*index: Expr) -> Expr:
        place = length - 1 - index[axis] if last else index[axis]
        number = data(*index[:axis], place, *index[axis + 1 :])
        return _ordered(number, greatest, tirx.Select(place == 0, _end(number, True), _end(number, False)))

    # TVM's own reduction, which GPUs' schedules know
    found = topi.argmax(te.compute(data.shape, at, name="order"), axis, keepdims)

    def index_of(*index: Expr) -> Expr:
        place = found(*index).astype("int64")
        return length - 1 - place if last else place

    return te.compute(found.shape, index_of, name="extreme_index")


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
    """More, or less, than any float's whole number.

    Not the least integer of all: C reads -2147483648 as a negated long, and OpenCL's select() has no such form.
    """
    dtype = WHOLE[str(_wide(number).ty.dtype)]
    most = tirx.max_value(dtype)
    return most if greatest else tirx.const(-int(most.value), dtype)


def _wide(number: Expr) -> Expr:
    return number if str(number.ty.dtype) in WHOLE else number.astype("float32")
