"""Products that a model writes in whole numbers: MatMulInteger and ConvInteger, QLinearConv and QLinearMatMul.

They come as bytes widened to int32, less their zero points. Where float32 holds their sums (`exact_sums`) they become
products in float32, which every CPU has schedules for, and longer ones the int32 sum of such products of parts. With
an instruction for bytes and a constant zero point they take the form of DequantizeLinear, which `quantised` knows;
DynamicQuantizeLinear's zero point is known only at run time, and is taken from sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.passes.constant_folding import constant
from neo_compiler.passes.quantization.dot_instructions import WORD, Dot
from neo_compiler.passes.quantization.exact_sums import FLOAT32_WHOLE, MAX_WEIGHT, chunks, is_whole, reach
from neo_compiler.passes.quantization.int8_products import MAX_DEPTH, sums_of_convolution
from neo_compiler.passes.quantization.qparams import BYTES, Quantity, one_number, shifted
from neo_compiler.passes.rewriter import Rewriter, is_constant, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]
R = relax.op
MATMUL = "relax.matmul"


def whole(module: tvm.IRModule, dot: Dot | None) -> tvm.IRModule:
    """`module` with widened bytes as what `quantised` knows, and products of them in int32 as faster ones.

    Those are products of bytes where the CPU has `dot` for them, else products in float32, in parts whose sums it
    holds exactly.
    """
    return relax.transform.DeadCodeElimination()(rewrite(module, _Whole, dot))


@dataclass(frozen=True)
class Widened:
    """A tensor of bytes in a wider type, less a zero point."""

    value: Expr  # int8 or uint8
    zero: Expr | None = None  # one number of the wider type

    @property
    def reach(self) -> int:
        """The greatest magnitude of its numbers."""
        zero = 0 if self.zero is None else one_number(self.zero)
        return reach(str(self.value.ty.dtype), None if zero is None else int(zero))


@dataclass(frozen=True)
class Exact:
    """The numbers of an int32 tensor in float32, none of them, nor of what they were summed from, beyond `most`."""

    value: Expr
    most: int


class _Whole(Rewriter):
    def __init__(self, module: tvm.IRModule, dot: Dot | None) -> None:
        super().__init__(module)
        self._dot = dot
        self._widened: dict[Expr, Widened] = {}
        self._known: dict[Expr, Array] = {}  # differences of constants
        self._exact: dict[Expr, Exact] = {}
        self._found: Any = None  # what the binding at hand is

    def binding(self, binding: Expr) -> None:
        self._found = None
        super().binding(binding)
        new = self._new[binding.var]
        if isinstance(self._found, Widened):
            self._widened[new] = self._found
        elif isinstance(self._found, Exact):
            self._exact[new] = self._found
        elif self._found is not None:
            self._known[new] = self._found

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        rule = RULES.get(op_name(call))
        return rule(self, call, args) if rule is not None else None

    def astype(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Bytes, widened; sums that are there in float32 already."""
        wanted = str(call.ty.dtype)
        if wanted == "float32" and args[0] in self._exact:
            return self._exact[args[0]].value
        if str(args[0].ty.dtype) in BYTES and wanted in ("int32", "float32") and not is_constant(args[0]):
            self._found = Widened(args[0])
        return None

    def subtract(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Less their zero point."""
        value, zero = args
        if is_constant(value) and is_constant(zero) and str(call.ty.dtype) == "int32":
            self._found = value.value.numpy() - zero.value.numpy()
            return None
        widened, sizes = self._widened.get(value), shape_of(zero)
        if widened is None or widened.zero is not None or sizes is None or any(size > 1 for size in sizes):
            return None
        if len(sizes) <= len(call.ty.shape):
            self._found = Widened(widened.value, zero)
        return None

    def add(self, call: Expr, args: list[Expr]) -> Expr | None:
        """A bias in whole numbers."""
        for value, other in (args, args[::-1]):
            if value not in self._exact or not is_constant(other):
                continue
            sums, array = self._exact[value], other.value.numpy()
            most = sums.most + int(np.abs(array.astype("int64")).max(initial=0))
            if most <= FLOAT32_WHOLE:
                self._found = Exact(self.emit(R.add(sums.value, constant(array.astype("float32")))), most)
        return None

    def product(self, call: Expr, args: list[Expr]) -> Expr | None:
        """A product of widened bytes and a constant of whole numbers, or two of widened bytes."""
        data, weight = self._widened.get(args[0]), self._weight(args[1])
        if data is None:
            return None
        is_float = str(call.ty.dtype) == "float32"
        if weight is not None and self._dot is not None and weight.min() >= -128 and weight.max() <= 127:
            return self._dequantised(call, data, weight) if is_float else self._of_bytes(call, data, weight, self._dot)
        other = self._widened.get(args[1]) if weight is None else weight
        return None if is_float or other is None else self._in_float32(call, data, other)

    def _weight(self, expr: Expr) -> Array | None:
        """A constant of whole numbers as int32, if it is that."""
        array = self._known.get(expr) if not is_constant(expr) else expr.value.numpy()
        if array is None or array.dtype.name not in ("int32", "float32") or not is_whole(array):
            return None
        return array.astype("int32")

    def _dequantised(self, call: Expr, data: Widened, weight: Array) -> Expr | None:
        """The product in float32 of dequantised bytes by a scale of 1."""
        zero = 0 if data.zero is None else one_number(data.zero)
        if zero is None or zero != round(zero):
            return None
        limits = np.iinfo(str(data.value.ty.dtype))
        if not limits.min <= zero <= limits.max:
            return None
        numbers, none = constant(weight.astype("int8")), relax.const(0, "int8")
        factor = R.dequantize(numbers, relax.const(1.0), none, axis=0, out_dtype="float32")
        real = self.emit(Quantity(data.value, 1.0, int(zero)).real())
        return _again(call, real, self.emit(factor))

    def _of_bytes(self, call: Expr, data: Widened, weight: Array, dot: Dot) -> Expr | None:
        """By the instruction. Where float32 holds the sums, scales that follow become part of the product."""
        most = _most(_magnitudes(call, weight, MAX_WEIGHT))
        real = self._dequantised(call, data, weight) if most <= FLOAT32_WHOLE else None
        if real is not None:
            self._found = Exact(self.emit(real), most)
        if op_name(call) == MATMUL:
            total = self._summed(data, weight.astype("int8"), dot)
        elif real is not None:
            return R.astype(self._found.value, "int32")
        else:
            total = self._convolved(call, data, weight.astype("int8"), dot)
        return self._in_float32(call, data, weight) if total is None else total

    def _in_float32(self, call: Expr, data: Widened, other: Array | Widened) -> Expr | None:
        """Sums of parts, each of which float32 holds exactly; None where even the shortest parts are too long."""
        if isinstance(other, Widened) and shape_of(other.value) is None:
            return None
        magnitudes = _magnitudes(call, other, data.reach)
        parts = chunks(magnitudes)
        if parts is None or (len(parts) > 1 and not _divisible(call)):
            return None
        left, right = self._real(data), self._real(other)
        if len(parts) == 1:
            self._found = Exact(self.emit(_again(call, left, right)), _most(magnitudes))
            return R.astype(self._found.value, "int32")
        axes, total = _summed_axes(call), None
        for begin, end in parts:
            factors = [self._part(factor, axis, begin, end) for factor, axis in zip((left, right), axes, strict=True)]
            sums = self.emit(R.astype(self.emit(_again(call, *factors)), "int32"))
            total = sums if total is None else self.emit(R.add(total, sums))
        return total

    def _real(self, factor: Array | Widened) -> Expr:
        """The numbers in float32."""
        if not isinstance(factor, Widened):
            return constant(factor.astype("float32"))
        real = self.emit(R.astype(factor.value, "float32"))
        if factor.zero is None:
            return real
        return self.emit(R.subtract(real, self.emit(R.astype(factor.zero, "float32"))))

    def _part(self, factor: Expr, axis: int, begin: int, end: int) -> Expr:
        if is_constant(factor):
            array = factor.value.numpy()
            return constant(np.ascontiguousarray(np.take(array, range(begin, end), axis)))
        return self.emit(R.strided_slice(factor, [axis % len(shape_of(factor) or [1])], [begin], [end]))

    def _summed(self, data: Widened, weight: Array, dot: Dot) -> Expr | None:
        shape = shape_of(data.value)
        if shape is None or len(shape) < 2 or weight.ndim != 2 or shape[-1] % WORD or shape[-1] > MAX_DEPTH:
            return None
        value, zero = self._for_dot(data, dot)
        total = self.emit(R.matmul(value, constant(weight), out_dtype="int32"))
        return R.subtract(total, self.emit(R.multiply(zero, constant(weight.sum(0, dtype="int32")))))

    def _convolved(self, call: Expr, data: Widened, weight: Array, dot: Dot) -> Expr | None:
        """A convolution less what its zero point, which must be known for the border, added to each channel."""
        number = 0 if data.zero is None else one_number(data.zero)
        if number is None or op_name(call) != "relax.nn.conv2d":
            return None
        value, _ = self._for_dot(data, dot)
        number = int(number) + (dot.shift if str(data.value.ty.dtype) != dot.data else 0)
        made = sums_of_convolution(call, value, number, weight, self.emit)
        if made is None:
            return None
        total, axis, sums = made
        shape = [1] * 4
        shape[axis] = -1
        return R.subtract(total, constant((number * sums).astype("int32").reshape(shape)))

    def _for_dot(self, data: Widened, dot: Dot) -> tuple[Expr, Expr]:
        """Bytes of the type that the instruction takes, and their zero point in int32."""
        zero = relax.const(0, "int32") if data.zero is None else data.zero
        if str(data.value.ty.dtype) == dot.data:
            return data.value, zero
        value = shifted(data.value, dot.shift, dot.data, self.emit)
        return value, self.emit(R.add(zero, relax.const(dot.shift, "int32")))


def _again(call: Expr, *factors: Expr) -> Expr:
    """The same product of float32 factors."""
    if op_name(call) == MATMUL:
        return R.matmul(*factors)
    return relax.Call(call.op, list(factors), call.attrs, call.ty_args)


def _summed_axes(call: Expr) -> tuple[int, int]:
    """The axis of either factor that a product sums over; of a convolution the channels, besides its window."""
    if op_name(call) == MATMUL:
        return -1, -1 if len(call.args[1].ty.shape) == 1 else -2
    return str(call.attrs.data_layout).index("C"), str(call.attrs.kernel_layout).index("I")


def _divisible(call: Expr) -> bool:
    return op_name(call) == MATMUL or int(call.attrs.groups) == 1


def _magnitudes(call: Expr, other: Array | Widened, left: int) -> Array:
    """[depth, results]: the greatest magnitudes of what is summed, where the left factor's numbers reach `left`."""
    axis = _summed_axes(call)[1]
    if isinstance(other, Widened):
        shape = shape_of(other.value) or []
        inner = 1 if op_name(call) == MATMUL else math.prod(shape) // (shape[0] * shape[axis])
        return np.full((shape[axis], 1), inner * left * other.reach, "int64")
    sizes: Array = np.abs(other).astype("int64") * left
    if op_name(call) == MATMUL:
        sizes = np.moveaxis(sizes, axis, 0)
        return sizes.reshape(len(sizes), -1)
    layout = str(call.attrs.kernel_layout)
    window = [layout.index(letter) for letter in layout if letter not in "IO"]
    sizes = sizes.transpose([layout.index("I"), layout.index("O"), *window])
    summed: Array = sizes.reshape(*sizes.shape[:2], -1).sum(2)
    return summed


def _most(magnitudes: Array) -> int:
    return int(magnitudes.sum(0, dtype="int64").max())


RULES: dict[str, Callable[[_Whole, Expr, list[Expr]], Any]] = {
    "relax.astype": _Whole.astype,
    "relax.subtract": _Whole.subtract,
    "relax.add": _Whole.add,
    **dict.fromkeys(("relax.nn.conv1d", "relax.nn.conv2d", "relax.nn.conv3d", MATMUL), _Whole.product),
}
