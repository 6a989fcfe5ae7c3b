"""Products of bytes: convolutions and matrix products in int32, and what their sums stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tvm import relax

from neo_compiler.passes.constant_folding import constant
from neo_compiler.passes.quantization.dot_instructions import WORD
from neo_compiler.passes.quantization.qparams import Quantity, Weight
from neo_compiler.passes.rewriter import ints, op_name, shape_of
from neo_compiler.passes.weight_packing import MAX_GROUPS
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]
Emit = Callable[[Expr], Expr]
R = relax.op

MAX_DEPTH = (1 << 31) // (256 * 128) - 1
"""Products in a sum that an int32 holds whatever the bytes are."""


@dataclass(frozen=True)
class Scaled:
    """A float32 tensor as min(max(total * scale + shift + the others, low), high)."""

    total: Expr  # int32
    axis: int  # of the channels
    scale: Array  # [channels], float64 until it is used
    shift: Array  # [channels], float64
    others: tuple[Quantity, ...] = ()
    low: float = -np.inf
    high: float = np.inf

    @property
    def bounded(self) -> bool:
        """Whether nothing can be added any more."""
        return self.low > -np.inf or self.high < np.inf

    def emit(self, emit: Emit, step: float = 1.0) -> Expr:
        """The tensor in units of `step`."""
        made = emit(R.multiply(emit(R.astype(self.total, "float32")), self._channels(self.scale / step)))
        if self.shift.any():
            made = emit(R.add(made, self._channels(self.shift / step)))
        for other in self.others:
            made = emit(R.add(made, emit(Quantity(other.value, other.scale / step, other.zero).real())))
        if self.low > -np.inf:
            made = emit(R.maximum(made, relax.const(self.low / step, "float32")))
        if self.high < np.inf:
            made = emit(R.minimum(made, relax.const(self.high / step, "float32")))
        return made

    def _channels(self, numbers: Array) -> Expr:
        shape = [1] * len(self.total.ty.shape)
        shape[self.axis] = -1
        return constant(numbers.astype("float32").reshape(shape))


def product(call: Expr, data: Quantity, weight: Weight, emit: Emit) -> Scaled | None:
    """`call`'s convolution or product of `data` and `weight` in int32; None where that would not be fast or exact."""
    if op_name(call) == "relax.nn.conv2d":
        return _convolution(call, data, weight, emit)
    return _matmul(call, data, weight, emit) if op_name(call) == "relax.matmul" else None


def _convolution(call: Expr, data: Quantity, weight: Weight, emit: Emit) -> Scaled | None:
    written = str(call.attrs.kernel_layout)
    scale = weight.per(written.index("O")) if sorted(written) == sorted("OIHW") else None
    made = sums_of_convolution(call, data.value, data.zero, weight.array, emit) if scale is not None else None
    if made is None or scale is None:
        return None
    total, axis, sums = made
    return _scaled(total, axis, data, sums, scale)


def sums_of_convolution(call: Expr, value: Expr, zero: int, array: Array, emit: Emit) -> tuple[Expr, int, Array] | None:
    """(total, channels' axis, sums of each channel's weight) of a conv2d of bytes; None where it is not fast or exact.

    `zero` stands around the image, and counts in `total` as any other byte does.
    """
    at, shape = call.attrs, shape_of(value)
    layout, written, groups = str(at.data_layout), str(at.kernel_layout), int(at.groups)
    if layout not in ("NCHW", "NHWC") or str(at.out_layout) not in ("", layout) or sorted(written) != sorted("OIHW"):
        return None
    array = array.transpose([written.index(axis) for axis in "OIHW"])
    if shape is None or array[0].size > MAX_DEPTH:
        return None
    depthwise = groups == len(array) == shape[layout.index("C")]
    if not depthwise and groups > MAX_GROUPS:
        return None
    top, left, bottom, right = ints(at.padding)
    if any((top, left, bottom, right)):
        widths = {"N": (0, 0), "C": (0, 0), "H": (top, bottom), "W": (left, right)}
        value = emit(R.nn.pad(value, [width for axis in layout for width in widths[axis]], pad_value=zero))
    numbers = (ints(at.strides), (0, 0), ints(at.dilation), groups)
    total = emit(R.nn.conv2d(value, constant(array), *numbers, layout, "OIHW", out_dtype="int32"))
    return total, layout.index("C"), array.sum((1, 2, 3), dtype="int64")


def _matmul(call: Expr, data: Quantity, weight: Weight, emit: Emit) -> Scaled | None:
    shape, scale = shape_of(data.value), weight.per(1)
    if shape is None or len(shape) < 2 or weight.array.ndim != 2 or scale is None:
        return None
    if shape[-1] % WORD or shape[-1] > MAX_DEPTH:
        return None
    total = emit(R.matmul(data.value, constant(weight.array), out_dtype="int32"))
    return _scaled(total, len(shape) - 1, data, weight.array.sum(0, dtype="int64"), scale)


def _scaled(total: Expr, axis: int, data: Quantity, sums: Array, scale: Array) -> Scaled:
    """`total` less what the data's zero point added to each channel."""
    step = scale.astype("float64") * np.float32(data.scale)
    return Scaled(total, axis, step, -data.zero * sums * step)
