"""What DequantizeLinear says of a tensor: bytes, their scale and their zero point."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.passes.constant_folding import DEQUANTIZE
from neo_compiler.passes.rewriter import NotStraight, bindings, ints, is_constant, op_name
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]
R = relax.op

QUANTIZE = "relax.quantize"
BYTES = ("int8", "uint8")

MOVES = (
    *(f"relax.{name}" for name in ("reshape", "permute_dims", "squeeze", "expand_dims", "flatten", "strided_slice")),
    "relax.nn.max_pool2d",
)
"""Operators that only move numbers, or choose the greatest: they do the same to bytes as to what those stand for."""


PRODUCTS = tuple(f"relax.{name}" for name in ("nn.conv1d", "nn.conv2d", "nn.conv2d_transpose", "matmul"))
FOLLOWING = (
    *(f"relax.{name}" for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "clip", "erf")),
    *(f"relax.{name}" for name in ("sigmoid", "tanh", "exp", "nn.relu", "nn.gelu", "nn.silu", "nn.leakyrelu")),
    *(QUANTIZE, DEQUANTIZE),
)
"""Operators that become part of a product's kernel."""


def is_quantised(module: tvm.IRModule) -> bool:
    """Whether main has anything to do with bytes."""
    widened = [value for value in _values(module) if op_name(value) == "relax.astype"]
    return has_scales(module) or any(str(value.args[0].ty.dtype) in BYTES for value in widened)


def has_scales(module: tvm.IRModule) -> bool:
    """Whether main quantises or dequantises anything."""
    return any(op_name(value) in (QUANTIZE, DEQUANTIZE) for value in _values(module))


def rounds(module: tvm.IRModule) -> bool:
    """Whether main rounds numbers to bytes."""
    return any(op_name(value) == QUANTIZE for value in _values(module))


def _values(module: tvm.IRModule) -> list[Expr]:
    try:
        return [binding.value for binding in bindings(module["main"])]
    except NotStraight:
        return []


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

    def reshaped(self, shape: list[int]) -> Weight | None:
        """The same in another shape; None when its axis becomes something else."""
        before = math.prod(self.array.shape[: self.axis])
        for axis, size in enumerate(shape):
            if size == self.array.shape[self.axis] and math.prod(shape[:axis]) == before:
                return Weight(self.array.reshape(shape), self.scale, axis)
        return Weight(self.array.reshape(shape), self.scale, 0) if self.scale.size == 1 else None

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
