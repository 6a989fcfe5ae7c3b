"""Quantised models stay whole numbers: products of dequantised tensors become products of bytes.

What QuantizeLinear and DequantizeLinear mean is all that counts here:
- what only moves numbers (a reshape, a maximum) between the two moves the bytes, when scales and zero points agree;
- a convolution or matrix product of a dequantised tensor and a dequantised weight is summed in int32, where the CPU
  has an instruction for it, and scaled afterwards;
- the scale of a quantised result goes into the product's own, so that a multiplication, an addition and a rounding
  are all that follows a sum.
All of it is relax; `pack`, `rounding` and FuseOps make kernels of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import tvm
from tvm import relax

from neo_compiler.passes.constant_folding import DEQUANTIZE
from neo_compiler.passes.fold_scale_shift import per_channel
from neo_compiler.passes.quantization.dot_instructions import Dot
from neo_compiler.passes.quantization.int8_products import Scaled, product
from neo_compiler.passes.quantization.qparams import (
    BYTES,
    FOLLOWING,
    MOVES,
    PRODUCTS,
    QUANTIZE,
    Quantity,
    Weight,
    axes_of,
    has_scales,
    one_number,
    quantity,
    shifted,
    weight,
)
from neo_compiler.passes.quantization.requantize import LIMITS
from neo_compiler.passes.rewriter import Rewriter, is_constant, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr

R = relax.op
CONCAT = "relax.concat"


def quantised(module: tvm.IRModule, dot: Dot | None) -> tvm.IRModule:
    """`module` with products of bytes, where the CPU has `dot` for them, and with no needless roundings."""
    if not has_scales(module):
        return module
    return relax.transform.DeadCodeElimination()(rewrite(module, _Quantised, dot))


class _Quantised(Rewriter):
    def __init__(self, module: tvm.IRModule, dot: Dot | None) -> None:
        super().__init__(module)
        self._dot = dot
        self._quantities: dict[Expr, Quantity] = {}  # a real variable -> the bytes it stands for
        self._weights: dict[Expr, Weight] = {}
        self._scaled: dict[Expr, Scaled] = {}  # a real variable -> the sums it comes from
        self._twins: dict[Expr, Expr] = {}  # a variable of bytes -> the same in the type that `dot` wants
        self._read_once: set[Expr] = set()
        self._after: set[Expr] = set()  # results of products, and of what may be part of their kernels
        self._found: Any = None  # what the binding at hand is: a Quantity, Weight, Scaled

    def binding(self, binding: Expr) -> None:
        self._found = None
        super().binding(binding)
        new = self._new[binding.var]
        if isinstance(self._found, Quantity):
            self._quantities[new] = self._found
        elif isinstance(self._found, Weight):
            self._weights[new] = self._found
        elif isinstance(self._found, Scaled):
            self._scaled[new] = self._found
        if self.uses[binding.var] == 1:
            self._read_once.add(new)
        name, args = op_name(binding.value), getattr(binding.value, "args", ())
        if name in PRODUCTS or (name in FOLLOWING and any(self.new(arg) in self._after for arg in args)):
            self._after.add(new)

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        rule = RULES.get(op_name(call))
        return rule(self, call, args) if rule is not None else None

    def quantize(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Bytes that are there already, or those of a product, or the rounded numbers."""
        dtype = str(call.attrs.out_dtype)
        wanted = quantity(call, args[0]) if dtype in BYTES and _float32(args[0]) else None
        if wanted is None:
            return None
        wanted = self._wanted(wanted, dtype)
        made_dtype = self._dot.data if self._dot is not None else dtype
        made = self._moved(args[0], wanted, made_dtype)
        return self._twin(self._rounded(args[0], wanted, made_dtype) if made is None else made, dtype)

    def _wanted(self, about: Quantity, dtype: str) -> Quantity:
        """The same with the zero point of the type that products want."""
        if self._dot is None or dtype == self._dot.data:
            return about
        return replace(about, zero=about.zero + self._dot.shift)

    def _twin(self, made: Expr, dtype: str) -> Expr:
        """`made`, in the model's type; whoever understands takes `made` itself."""
        if str(made.ty.dtype) == dtype:
            return made
        assert self._dot is not None
        twin = shifted(made, -self._dot.shift, dtype, self.emit)
        self._twins[twin] = made
        return twin

    def _moved(self, real: Expr, about: Quantity, dtype: str) -> Expr | None:
        """The bytes of `real`, when all that happened since they were dequantised is that they were moved."""
        found = self._bytes(real)
        if found is None or found.dtype != dtype or (found.scale, found.zero) != (about.scale, about.zero):
            return None
        return found.value

    def _bytes(self, real: Expr) -> Quantity | None:
        """What `real` stands for, when it is dequantised and moved only."""
        if real in self._quantities:
            return self._quantities[real]
        value = self.value(real)
        if op_name(value) == CONCAT and isinstance(value.args[0], relax.Tuple):
            return self._joined(value)
        if op_name(value) not in MOVES:
            return None
        before = self._bytes(value.args[0])
        if before is None:
            return None
        call = relax.Call(value.op, [before.value, *value.args[1:]], value.attrs, value.ty_args)
        self._quantities[real] = replace(before, value=self.emit(call))
        return self._quantities[real]

    def _joined(self, call: Expr) -> Quantity | None:
        """The bytes of tensors side by side, when all have one scale."""
        parts = [self._bytes(part) for part in call.args[0].fields]
        first = parts[0]
        if first is None or any(part is None or replace(part, value=first.value) != first for part in parts):
            return None
        if len({part.dtype for part in parts if part is not None}) > 1:
            return None
        joined = R.concat([part.value for part in parts if part is not None], int(call.attrs.axis))
        return replace(first, value=self.emit(joined))

    def _rounded(self, real: Expr, about: Quantity, dtype: str) -> Expr:
        step = about.scale
        if (sums := self._once(real)) is not None:
            low, high = ((limit - about.zero) * step for limit in LIMITS[dtype])
            sums = replace(sums, low=sums.low if sums.low > low else -inf, high=sums.high if sums.high < high else inf)
            real, step = sums.emit(self.emit, step), 1.0
        elif real in self._after:
            real, step = self.emit(R.multiply(real, relax.const(1 / step, "float32"))), 1.0
        return self.emit(
            R.quantize(real, relax.const(step, "float32"), relax.const(about.zero, dtype), out_dtype=dtype)
        )

    def _once(self, real: Expr) -> Scaled | None:
        """The sums behind `real`, when nothing else needs it."""
        return self._scaled.get(real) if real in self._read_once else None

    def dequantize(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Notes what the result stands for."""
        if is_constant(args[0]):
            self._found = weight(call)
            return None
        value, dtype = args[0], str(args[0].ty.dtype)
        about = quantity(call, value) if dtype in BYTES and _float32(call) else None
        if about is None:
            return None
        if self._dot is not None and dtype != self._dot.data:
            if value not in self._twins:
                self._twins[value] = shifted(value, self._dot.shift, self._dot.data, self.emit)
            about = self._wanted(replace(about, value=self._twins[value]), dtype)
        self._found = about
        return about.real()

    def move(self, call: Expr, args: list[Expr]) -> Expr | None:
        """A weight may be turned or reshaped before it is multiplied; bytes are moved in the type that is wanted."""
        known, shape = self._weights.get(args[0]), shape_of(call)
        if known is not None and op_name(call) == "relax.permute_dims":
            self._found = known.turned(axes_of(call))
        elif known is not None and op_name(call) == "relax.reshape" and shape is not None:
            self._found = known.reshaped(shape)
        if args[0] not in self._twins:
            return None
        moved = relax.Call(call.op, [self._twins[args[0]], *args[1:]], call.attrs, call.ty_args)
        return self._twin(self.emit(moved), str(call.ty.dtype))

    def product(self, call: Expr, args: list[Expr]) -> Expr | None:
        """A product of bytes, if it is one."""
        if self._dot is None or args[1] not in self._weights or not _float32(call):
            return None
        data = self._bytes(args[0])
        self._found = product(call, data, self._weights[args[1]], self.emit) if data is not None else None
        return self._found.emit(self.emit) if isinstance(self._found, Scaled) else None

    def add(self, call: Expr, args: list[Expr]) -> Expr | None:
        """A bias, or what another branch computed."""
        for value, other in (args, args[::-1]):
            sums = self._once(value)
            if sums is None or sums.bounded or shape_of(value) != shape_of(call):
                continue
            if other in self._quantities and shape_of(other) == shape_of(call):
                self._found = replace(sums, others=(*sums.others, self._quantities[other]))
            elif is_constant(other):
                shift = per_channel(other.value.numpy(), sums.axis, shape_of(call) or [])
                self._found = None if shift is None else replace(sums, shift=sums.shift + shift)
        return None

    def multiply(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Another scale for each channel."""
        for value, other in (args, args[::-1]):
            sums = self._once(value)
            if sums is None or sums.bounded or sums.others or not is_constant(other):
                continue
            factor = per_channel(other.value.numpy(), sums.axis, shape_of(call) or [])
            if factor is not None and shape_of(value) == shape_of(call):
                self._found = replace(sums, scale=sums.scale * factor, shift=sums.shift * factor)
        return None

    def divide(self, call: Expr, args: list[Expr]) -> Expr | None:
        """By a constant, as part of a product's kernel: a division would cost as much as a short sum."""
        number = one_number(args[1])
        if args[0] not in self._after or number in (None, 0) or not _float32(call):
            return None
        return R.multiply(args[0], relax.const(1 / number, "float32"))

    def relu(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Nothing below zero."""
        if (sums := self._once(args[0])) is not None:
            self._found = replace(sums, low=max(sums.low, 0.0), high=max(sums.high, 0.0))
        return None

    def clip(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Nothing below or above two constants; TFLite's bytes are cut so too."""
        sums, low, high = self._once(args[0]), _number(args[1]), _number(args[2])
        if low is None or high is None:
            return None
        dtype = str(call.ty.dtype)
        if dtype in BYTES:
            if low <= LIMITS[dtype][0] and high >= LIMITS[dtype][1]:
                return args[0]
            if args[0] in self._twins and self._dot is not None:
                limits = [relax.prim_value(int(limit) + self._dot.shift) for limit in (low, high)]
                return self._twin(self.emit(R.clip(self._twins[args[0]], *limits)), dtype)
        if sums is not None:
            self._found = replace(sums, low=min(max(sums.low, low), high), high=min(max(sums.high, low), high))
        return None


def _float32(expr: Expr) -> bool:
    return str(expr.ty.dtype) == "float32"


def _number(expr: Expr) -> float | None:
    """The value of a constant, a tensor's or a scalar's."""
    value = one_number(expr) if is_constant(expr) else getattr(expr, "value", None)
    value = getattr(value, "value", value)
    return float(value) if isinstance(value, int | float) else None


RULES: dict[str, Callable[[_Quantised, Expr, list[Expr]], Any]] = {
    QUANTIZE: _Quantised.quantize,
    DEQUANTIZE: _Quantised.dequantize,
    **dict.fromkeys(MOVES, _Quantised.move),
    "relax.nn.conv2d": _Quantised.product,
    "relax.matmul": _Quantised.product,
    "relax.add": _Quantised.add,
    "relax.multiply": _Quantised.multiply,
    "relax.divide": _Quantised.divide,
    "relax.nn.relu": _Quantised.relu,
    "relax.clip": _Quantised.clip,
}
"""What becomes of an operator's call; every other one keeps its form."""
