"""Replaces calls of libm by the polynomials of `polynomials`, and softmax by one that uses them."""

from __future__ import annotations

import tvm
from tvm import te

from neo_compiler.lowering.cpu import softmax
from neo_compiler.lowering.cpu.polynomials import FUNCTIONS
from neo_compiler.passes.rewriter import Rewriter, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr, Tensor


def fast_math(module: tvm.IRModule) -> tvm.IRModule:
    """`module` with polynomials instead of calls of libm, for float32."""
    return rewrite(module, _FastMath)


class _FastMath(Rewriter):
    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        name = op_name(call)
        if str(getattr(call.ty, "dtype", "")) != "float32":
            return None
        if name == "relax.nn.softmax":
            axis = int(call.attrs.axis) % len(call.ty.shape)
            last = axis == len(call.ty.shape) - 1 and shape_of(call) is not None
            template = softmax.by_rows if last else softmax.over_axis
            return self.builder.call_te(template, args[0], axis, primfunc_name_hint="softmax")
        if (function := FUNCTIONS.get(name)) is None:
            return None

        def everywhere(x: Tensor) -> Tensor:
            return te.compute(x.shape, lambda *i: function(x(*i)), name="neo_map")

        return self.builder.call_te(everywhere, args[0], primfunc_name_hint=f"fast_{name.rpartition('.')[2]}")
