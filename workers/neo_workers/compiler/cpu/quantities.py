"""What DequantizeLinear says of a tensor: bytes, their scale and their zero point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import relax

from neo_workers.compiler.rewriting import Expr, ints, is_constant

Array = npt.NDArray[Any]
R = relax.op

BYTES = ("int8", "uint8")

MOVES = (
    *(f"relax.{name}" for name in ("reshape", "permute_dims", "squeeze", "expand_dims", "flatten", "strided_slice")),
    "relax.nn.max_pool2d",
)
"""Operators that only move numbers, or choose the greatest: they do the same to bytes as to what those stand for."""


@dataclass(frozen=True)
class Quantity:
    """A tensor of the numbers (value - zero) * scale."""

    value: Expr  # int8 or uint8
    scale: float
    zero: int

    @property
    def dtype(self) -> str:
        """Of the bytes."""
        return str(self.value.ty.dtype)

    def real(self) -> Expr:
        """A call that gives the numbers."""
        return R.dequantize(
            self.value, relax.const(self.scale), relax.const(self.zero, self.dtype), out_dtype="float32"
        )


@dataclass(frozen=True)
class Weight:
    """A constant tensor of the numbers array * scale, a scale for each place along `axis`."""

    array: Array  # int8
    scale: Array  # [1] or [size of the axis], float32
    axis: int

    def turned(self, axes: list[int] | None) -> Weight:
        """The same with its axes permuted."""
        order = axes or list(range(self.array.ndim))[::-1]
        return Weight(np.ascontiguousarray(self.array.transpose(order)), self.scale, order.index(self.axis))

    def per(self, axis: int) -> Array | None:
        """The scales of places along `axis`; None when they hang on another one."""
        if self.scale.size == 1:
            return np.broadcast_to(self.scale, (self.array.shape[axis],))
        return self.scale if self.axis == axis else None


def one_number(expr: Expr) -> Any:
    """The only element of a constant, None for anything else."""
    if not is_constant(expr) or expr.value.numpy().size != 1:
        return None
    return expr.value.numpy().reshape(()).item()


def quantity(call: Expr, value: Expr) -> Quantity | None:
    """What a quantize or dequantize says of the bytes `value`; None when it has more than one scale."""
    scale, zero = one_number(call.args[1]), one_number(call.args[2])
    if scale is None or zero is None or str(call.args[1].ty.dtype) != "float32" or not 0 < scale < float("inf"):
        return None
    return Quantity(value, float(scale), int(zero))


def weight(call: Expr) -> Weight | None:
    """A dequantize of a constant; None when its numbers less the zero point are no int8."""
    array, scale, zero = (argument.value.numpy() for argument in call.args)
    if array.dtype.name not in BYTES or array.ndim < 2 or scale.dtype != np.float32 or str(call.ty.dtype) != "float32":
        return None
    axis = int(call.attrs.axis) % array.ndim

    def along(values: Array) -> Array:
        shape = [1] * array.ndim
        if values.size > 1:
            shape[axis] = values.size
        return values.reshape(shape)

    wide = array.astype("int32") - along(zero.astype("int32"))
    if wide.size == 0 or wide.min() < -128 or wide.max() > 127:
        return None
    return Weight(wide.astype("int8"), scale.reshape(-1), axis)


def shifted(value: Expr, by: int, dtype: str, emit: Callable[[Expr], Expr]) -> Expr:
    """Bytes, and `by` added to each, as the other type of bytes."""
    return emit(R.astype(emit(R.add(emit(R.astype(value, "int16")), relax.const(by, "int16"))), dtype))


def axes_of(call: Expr) -> list[int] | None:
    """Those of a permute_dims, None for all in reverse."""
    return None if call.attrs.axes is None else ints(call.attrs.axes)
