"""QuantizeLinear as kernels that any other kernel can end with.

TVM's own form calls a function for each number on CPUs that cannot round (SSE2), and nothing fuses with it.
Source: ONNX, QuantizeLinear: saturate(round(x / scale) + zero point), halves to even.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tvm
from tvm import relax, te, tirx

from neo_compiler.passes.constant_folding import DEQUANTIZE
from neo_compiler.passes.quantization.qparams import one_number
from neo_compiler.passes.rewriter import Rewriter, is_constant, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr, Tensor

ELEMENTWISE = 0
"""TVM's OpPatternKind kElemWise."""

MAGIC = 1.5 * 2**23
"""A float32 this big has no fraction: adding it rounds a number below 2^22 to the nearest whole one, halves to even.
The lowest 16 bits of the sum are that whole number's."""

LIMITS = {dtype: (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) for dtype in ("int8", "uint8", "int16", "uint16")}
"""Types whose numbers `rounded` can make."""


def rounding(module: tvm.IRModule) -> tvm.IRModule:
    """`module` with kernels of `rounded` in place of quantize, where scale and zero point are one number each."""
    return relax.transform.DeadCodeElimination()(rewrite(module, _Rounding))


class _Rounding(Rewriter):
    def __init__(self, module: tvm.IRModule) -> None:
        super().__init__(module)
        self._read_once: dict[Expr, list[Expr]] = {}  # rounded bytes -> what they were made of

    def binding(self, binding: Expr) -> None:
        super().binding(binding)
        value, new = binding.value, self._new[binding.var]
        once = op_name(value) == "relax.quantize" and self.uses[binding.var] == 1
        if once and str(value.attrs.out_dtype) in LIMITS:
            self._read_once[new] = [self.new(arg) for arg in value.args]

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        if op_name(call) == DEQUANTIZE and args[0] in self._read_once:
            return self._stepped(call, args)
        if op_name(call) != "relax.quantize" or str(call.attrs.out_dtype) not in LIMITS:
            return None
        data, scale, zero = args
        if any(shape_of(number) is None or math.prod(shape_of(number) or []) != 1 for number in (scale, zero)):
            return None
        if str(data.ty.dtype) != "float32" or str(scale.ty.dtype) != "float32":
            return None
        return self.builder.call_te(
            rounded,
            data,
            *(one_number(number) if is_constant(number) else number for number in (scale, zero)),
            str(call.attrs.out_dtype),
            primfunc_name_hint="quantize",
            primfunc_attrs={"op_pattern": ELEMENTWISE},
        )

    def _stepped(self, call: Expr, args: list[Expr]) -> Expr | None:
        """Bytes that only this call reads are no bytes at all."""
        data, *numbers = self._read_once[args[0]]
        scale, zero, last, own = (one_number(number) for number in (*numbers, *args[1:]))
        if None in (scale, zero, last) or zero != own or (str(data.ty.dtype), str(call.ty.dtype)) != ("float32",) * 2:
            return None
        return self.builder.call_te(
            stepped,
            data,
            scale,
            zero,
            str(args[0].ty.dtype),
            last,
            primfunc_name_hint="round",
            primfunc_attrs={"op_pattern": ELEMENTWISE},
        )


def stepped(data: Tensor, scale: float, zero: int, dtype: str, last: float) -> Tensor:
    """What is left of `data` when it is `rounded` and then taken times `last`."""
    magic = tirx.const(MAGIC, "float32")
    low, high = (tirx.const(float(limit - zero), "float32") for limit in LIMITS[dtype])

    def at(*index: Any) -> Any:
        value = data(*index) / tirx.const(scale, "float32") if scale != 1.0 else data(*index)
        bits = tirx.reinterpret("int32", tirx.min(tirx.max(value, low), high) + magic)
        # as bits in between: TVM would take an addition and a subtraction of the same for nothing
        return (tirx.reinterpret("float32", bits) - magic) * tirx.const(last, "float32")

    return te.compute(data.shape, at, name="stepped")


def rounded(data: Tensor, scale: Any, zero: Any, dtype: str) -> Tensor:
    """float32 `data` / `scale`, rounded, plus `zero`, as far as `dtype` reaches.

    `scale` and `zero` are numbers, or tensors of one number.
    """
    even = isinstance(zero, int) and zero % 2 == 0  # it changes no tie
    magic = tirx.const(MAGIC + (zero if even else 0), "float32")

    def at(*index: Any) -> Any:
        value, start = data(*index), _only(zero, "int32")
        if not (isinstance(scale, float) and scale == 1.0):
            value = value / _only(scale, "float32")
        low, high = ((tirx.const(limit, "int32") - start).astype("float32") for limit in LIMITS[dtype])
        whole = tirx.reinterpret("int32", tirx.min(tirx.max(value, low), high) + magic)
        return (whole if even else whole + start).astype(dtype)

    return te.compute(data.shape, at, name="quantized")


def _only(number: Any, dtype: str) -> Any:
    """A number, or the only one of a tensor, as `dtype`."""
    if isinstance(number, int | float):
        return tirx.const(number, dtype)
    return number(*[0] * len(number.shape)).astype(dtype)
