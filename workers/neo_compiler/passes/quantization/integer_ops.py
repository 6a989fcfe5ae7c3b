"""Products that a model writes in whole numbers: MatMulInteger and ConvInteger, QLinearConv and QLinearMatMul.

They come as bytes widened, less their zero points. With zero points that are constant they take the form of
DequantizeLinear, which `quantised` knows; DynamicQuantizeLinear's is known only at run time, and is taken from sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.passes.constant_folding import constant
from neo_compiler.passes.quantization.dot_instructions import WORD, Dot
from neo_compiler.passes.quantization.int8_products import MAX_DEPTH
from neo_compiler.passes.quantization.qparams import BYTES, Quantity, one_number, shifted
from neo_compiler.passes.rewriter import Rewriter, is_constant, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]
R = relax.op


def whole(module: tvm.IRModule, dot: Dot | None) -> tvm.IRModule:
    """`module` with widened bytes as what `quantised` knows, and products of them in int32 as products of bytes.

    Without `dot` those become products in float32, as ConvInteger is: it holds integers up to 2^24 exactly.
    """
    return relax.transform.DeadCodeElimination()(rewrite(module, _Whole, dot))


@dataclass(frozen=True)
class Widened:
    """A tensor of bytes in a wider type, less a zero point."""

    value: Expr  # int8 or uint8
    zero: Expr | None = None  # one number of the wider type


class _Whole(Rewriter):
    def __init__(self, module: tvm.IRModule, dot: Dot | None) -> None:
        super().__init__(module)
        self._dot = dot
        self._widened: dict[Expr, Widened] = {}
        self._known: dict[Expr, Array] = {}  # differences of constants
        self._found: Any = None

    def binding(self, binding: Expr) -> None:
        self._found = None
        super().binding(binding)
        new = self._new[binding.var]
        if isinstance(self._found, Widened):
            self._widened[new] = self._found
        elif self._found is not None:
            self._known[new] = self._found

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        rule = RULES.get(op_name(call))
        return rule(self, call, args) if rule is not None else None

    def astype(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Bytes, widened."""
        if str(args[0].ty.dtype) in BYTES and str(call.ty.dtype) in ("int32", "float32") and not is_constant(args[0]):
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

    def product(self, call: Expr, args: list[Expr]) -> Expr | None:
        """A product of widened bytes and a constant of whole numbers."""
        data, weight = self._widened.get(args[0]), self._weight(args[1])
        if data is None or weight is None:
            return None
        if str(call.ty.dtype) == "float32":
            return self._dequantised(call, data, weight) if self._dot is not None else None
        if op_name(call) != "relax.matmul" or weight.ndim != 2:
            return None
        return self._in_float32(data, weight) if self._dot is None else self._summed(data, weight, self._dot)

    def _weight(self, expr: Expr) -> Array | None:
        """A constant as int8, if it is that."""
        array = self._known.get(expr) if not is_constant(expr) else expr.value.numpy()
        if array is None or array.size == 0 or array.dtype.name not in ("int32", "float32"):
            return None
        small = np.abs(array).max() <= 128 and array.max() <= 127
        return array.astype("int8") if small and (array == np.round(array)).all() else None

    def _dequantised(self, call: Expr, data: Widened, weight: Array) -> Expr | None:
        zero = 0 if data.zero is None else one_number(data.zero)
        if zero is None or zero != round(zero):
            return None
        limits = np.iinfo(str(data.value.ty.dtype))
        if not limits.min <= zero <= limits.max:
            return None
        factor = R.dequantize(constant(weight), relax.const(1.0), relax.const(0, "int8"), axis=0, out_dtype="float32")
        real = self.emit(Quantity(data.value, 1.0, int(zero)).real())
        return relax.Call(call.op, [real, self.emit(factor)], call.attrs, call.ty_args)

    def _in_float32(self, data: Widened, weight: Array) -> Expr:
        real = self.emit(R.astype(data.value, "float32"))
        if data.zero is not None:
            real = self.emit(R.subtract(real, self.emit(R.astype(data.zero, "float32"))))
        return R.astype(self.emit(R.matmul(real, constant(weight.astype("float32")))), "int32")

    def _summed(self, data: Widened, weight: Array, dot: Dot) -> Expr | None:
        shape, dtype = shape_of(data.value), str(data.value.ty.dtype)
        if shape is None or len(shape) < 2 or shape[-1] % WORD or shape[-1] > MAX_DEPTH:
            return None
        value, sums = data.value, constant(weight.sum(0, dtype="int32"))
        zero = relax.const(0, "int32") if data.zero is None else data.zero
        if dtype != dot.data:
            value = shifted(value, dot.shift, dot.data, self.emit)
            zero = self.emit(R.add(zero, relax.const(dot.shift, "int32")))
        total = self.emit(R.matmul(value, constant(weight), out_dtype="int32"))
        return R.subtract(total, self.emit(R.multiply(zero, sums)))


RULES: dict[str, Callable[[_Whole, Expr, list[Expr]], Any]] = {
    "relax.astype": _Whole.astype,
    "relax.subtract": _Whole.subtract,
    "relax.nn.conv2d": _Whole.product,
    "relax.matmul": _Whole.product,
}
