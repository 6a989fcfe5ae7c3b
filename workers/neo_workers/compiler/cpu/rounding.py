"""QuantizeLinear as kernels that any other kernel can end with.

TVM's own form calls a function for each number on CPUs that cannot round (SSE2), and nothing fuses with it.
Source: ONNX, QuantizeLinear: saturate(round(x / scale) + zero point), halves to even.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tvm
from tvm import te, tirx

from neo_workers.compiler.rewriting import Expr, Rewriter, is_constant, op_name, rewrite

Tensor = Any
"""A tensor of a tensor expression; tvm is untyped."""

ELEMENTWISE = 0
"""TVM's OpPatternKind kElemWise."""

MAGIC = 1.5 * 2**23
"""A float32 this big has no fraction: adding it rounds a number below 2^22 to the nearest whole one, halves to even.
The lowest bits of the sum are that whole number."""

LIMITS = {dtype: (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) for dtype in ("int8", "uint8", "int16", "uint16")}
"""Types whose numbers `rounded` can make."""


def rounding(module: tvm.IRModule) -> tvm.IRModule:
    """`module` with kernels of `rounded` in place of quantize, where scale and zero point are one constant each."""
    return rewrite(module, _Rounding)


class _Rounding(Rewriter):
    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        if op_name(call) != "relax.quantize" or str(call.attrs.out_dtype) not in LIMITS:
            return None
        data, scale, zero = args
        if not all(is_constant(number) and number.value.numpy().size == 1 for number in (scale, zero)):
            return None
        if str(data.ty.dtype) != "float32":
            return None
        return self.builder.call_te(
            rounded,
            data,
            float(scale.value.numpy().reshape(())),
            int(zero.value.numpy().reshape(())),
            str(call.attrs.out_dtype),
            primfunc_name_hint="quantize",
            primfunc_attrs={"op_pattern": ELEMENTWISE},
        )


def rounded(data: Tensor, scale: float, zero: int, dtype: str) -> Tensor:
    """float32 `data` / `scale`, rounded, plus `zero`, as far as `dtype` reaches."""
    low, high = (tirx.const(float(limit - zero), "float32") for limit in LIMITS[dtype])
    magic = tirx.const(MAGIC, "float32")
    bits = int(np.float32(MAGIC).view("int32"))

    def at(*index: Any) -> Any:
        value = data(*index)
        if scale != 1.0:
            value = value / tirx.const(scale, "float32")
        whole = tirx.reinterpret("int32", tirx.min(tirx.max(value, low), high) + magic)
        return (whole + tirx.const(zero - bits, "int32")).astype(dtype)

    return te.compute(data.shape, at, name="quantized")
