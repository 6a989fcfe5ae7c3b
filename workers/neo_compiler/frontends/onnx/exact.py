"""Operators that TVM's frontend converts, with wrong numbers in some cases: CONVERTERS replaces them.

Source: ONNX operators; TVM 0.27, relax.frontend.onnx.
"""

from __future__ import annotations

import numpy as np
from tvm import relax

from neo_compiler.frontends.onnx.operators import Call, Converter
from neo_compiler.kernels.ordering import extreme_index, order
from neo_compiler.tvm_types import Expr


def _bit_shift(call: Call) -> Expr:
    """A shift by less than 0, or by as many bits as there are or more, leaves nothing but the sign."""
    x, amount = call.inputs[0], call.inputs[1]
    assert x is not None and amount is not None
    dtype = _dtype(amount)
    bits, signed = int(dtype.lstrip("uint")), dtype.startswith("int")
    zero, most = relax.const(0, dtype), relax.const(bits - 1, dtype)
    good = relax.op.less_equal(amount, most)
    if signed:
        good = relax.op.logical_and(good, relax.op.greater_equal(amount, zero))
    good = call.emit(good)
    left = call.text("direction", "") == "LEFT"
    if signed and not left:
        return relax.op.right_shift(x, call.emit(relax.op.where(good, amount, most)))
    inside = call.emit(relax.op.where(good, amount, zero))
    shifted = call.emit((relax.op.left_shift if left else relax.op.right_shift)(x, inside))
    return relax.op.where(good, shifted, relax.const(0, _dtype(x)))


def _mod(call: Call) -> Expr:
    """The divisor's sign without fmod, the dividend's with it. TVM's floor_mod makes NaN of an infinite divisor."""
    x, y = call.inputs[0], call.inputs[1]
    assert x is not None and y is not None
    if call.integer("fmod", 0):
        return relax.op.mod(x, y)
    dtype = _dtype(x)
    if "float" not in dtype:
        return relax.op.floor_mod(x, y)
    zero = relax.const(0, dtype)
    rest = call.emit(relax.op.mod(x, y))
    other = relax.op.logical_xor(relax.op.less(rest, zero), relax.op.less(y, zero))
    wrong = call.emit(relax.op.logical_and(relax.op.not_equal(rest, zero), other))
    return relax.op.where(wrong, call.emit(relax.op.add(rest, y)), rest)


def _non_max_suppression(call: Call) -> Expr:
    """A box goes when it overlaps by more than the threshold; TVM drops those that overlap by just as much."""
    from tvm.relax.frontend.onnx import onnx_frontend

    inputs = [*call.inputs, *[None] * (5 - len(call.inputs))]
    most, overlap, score = (_limit(call, place) for place in (2, 3, 4))
    inputs[2] = relax.const(int(most or 0), "int64")
    inputs[3] = relax.const(float(np.nextafter(np.float32(overlap or 0), np.float32(2))), "float32")
    inputs[4] = relax.const(float("-inf") if score is None else score, "float32")
    return onnx_frontend.NonMaxSuppression._impl_v10(call.builder, inputs, call.attributes, [{}, {}])


def _limit(call: Call, place: int) -> float | None:
    """The value of an input that must be constant, None where it is left out. Raises ValueError."""
    given = call.input(place)
    if given is None:
        return None
    value = call.constant(given)
    if value is None:
        raise ValueError("its limits must be constant")
    return float(np.ravel(value)[0])


def _dynamic_quantize_linear(call: Call) -> Expr:
    """Values that are all 0 have the scale 1, as ONNX Runtime gives them; ONNX' own text divides 0 by 0."""
    x = call.inputs[0]
    assert x is not None
    zero, most, one = (relax.const(number, _dtype(x)) for number in (0, 255, 1))
    greatest = call.emit(relax.op.maximum(zero, call.emit(relax.op.max(x))))
    least = call.emit(relax.op.minimum(zero, call.emit(relax.op.min(x))))
    width = call.emit(relax.op.subtract(greatest, least))
    scale = call.emit(relax.op.where(relax.op.equal(width, zero), one, relax.op.divide(width, most)))
    place = relax.op.clip(relax.op.subtract(zero, relax.op.divide(least, scale)), 0, 255)
    zero_point = call.emit(relax.op.astype(relax.op.round(place), "uint8"))
    quantized = call.emit(relax.op.quantize(x, scale, zero_point, axis=0, out_dtype="uint8"))
    return relax.Tuple([quantized, scale, zero_point])


def _extreme_index(greatest: bool) -> Converter:
    """TVM's own for integers, as floats have infinities and NaN."""

    def convert(call: Call) -> Expr:
        x, last = call.inputs[0], bool(call.integer("select_last_index", 0))
        assert x is not None
        axis, keepdims = call.integer("axis", 0) % len(x.ty.shape), bool(call.integer("keepdims", 1))
        if "float" in _dtype(x):
            name = "arg_max" if greatest else "arg_min"
            return call.builder.call_te(extreme_index, x, axis, keepdims, greatest, last, primfunc_name_hint=name)
        find = relax.op.argmax if greatest else relax.op.argmin
        if not last:
            return find(x, axis, keepdims)
        from_the_end = find(call.emit(relax.op.flip(x, axis)), axis, keepdims)
        return relax.op.subtract(relax.const(int(x.ty.shape[axis]) - 1, "int64"), call.emit(from_the_end))

    return convert


def _top_k(call: Call) -> Expr:
    """Floats by whole numbers in their order; NaN is the greatest."""
    x = call.inputs[0]
    assert x is not None
    count = _limit(call, 1)
    if count is None or not call.integer("sorted", 1):
        raise ValueError("it is available with a constant k, and sorted")
    axis, largest = call.integer("axis", -1), bool(call.integer("largest", 1))
    if "float" not in _dtype(x):
        return relax.op.topk(x, int(count), axis, ret_type="both", largest=largest, dtype="int64")
    keys = call.emit(call.builder.call_te(order, x, primfunc_name_hint="order"))
    places = call.emit(relax.op.topk(keys, int(count), axis, ret_type="indices", largest=largest, dtype="int64"))
    return relax.Tuple([call.emit(relax.op.gather_elements(x, places, axis % len(x.ty.shape))), places])


def _dtype(expr: Expr) -> str:
    return str(expr.ty.dtype)


CONVERTERS: dict[str, Converter] = {
    "ArgMax": _extreme_index(True),
    "ArgMin": _extreme_index(False),
    "BitShift": _bit_shift,
    "DynamicQuantizeLinear": _dynamic_quantize_linear,
    "Mod": _mod,
    "NonMaxSuppression": _non_max_suppression,
    "TopK": _top_k,
}
