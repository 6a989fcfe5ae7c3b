"""The instruction that multiplies four bytes by four bytes and adds the products to a 32-bit sum, in each lane.

A product of bytes is written with `multiplied`, a sum of such products with te.sum; `accumulate` then makes one
instruction of each addition, and LLVM gets its name only after vectorisation, when its width is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tvm_ffi
from tvm import ir, tirx

from neo_compiler.passes.quantization.dot_instructions import BY_NAME, WORD, Dot
from neo_compiler.tvm_types import Expr


def word(data: Any, place: Sequence[Expr], number: Expr) -> Expr:
    """The four bytes from `number` * 4 on in the last axis of `data` as an int32; LLVM makes one load of them."""
    result: Expr = None
    for byte in range(WORD):
        read = data(*place, number * WORD + byte).astype("uint8").astype("uint32")
        shifted = tirx.shift_left(read, tirx.const(8 * byte, "uint32")) if byte else read
        result = shifted if result is None else tirx.bitwise_or(result, shifted)
    return tirx.reinterpret("int32", result)


def multiplied(dot: Dot, data: Expr, weight: Expr) -> Expr:
    """The sum of the products of four bytes, all of them in int32 words."""
    return tirx.call_intrin("int32", ir.Op.get(dot.name), tirx.const(0, "int32"), data, weight)


def accumulate(function: Any) -> Any:
    """`function` with sums of `multiplied` as the instruction adds them."""

    def added(expr: Expr) -> Expr:
        if isinstance(expr.b, ir.Call) and expr.b.op.name in BY_NAME and int(expr.b.args[0]) == 0:
            return tirx.call_intrin("int32", expr.b.op, expr.a, *expr.b.args[1:])
        return expr

    return function.with_body(tvm_ffi.structural_map(function.body, (tirx.Add, added)))


def lowered(call: Expr) -> Expr:
    """A call of the operator as LLVM's intrinsic; as arithmetic where a loop was not made a vector of its width."""
    dot, (total, data, weight) = BY_NAME[call.op.name], call.args
    lanes = _lanes(str(call.ty.dtype))
    if lanes in dot.by_lanes:
        factors = (data, weight) if dot.data_first else (weight, data)
        operands = [tirx.reinterpret(f"int8x{WORD * lanes}", factor) for factor in factors]
        return tirx.call_llvm_pure_intrin(str(call.ty.dtype), dot.by_lanes[lanes], total, *operands)
    return _arithmetic(dot, total, data, weight)


def _arithmetic(dot: Dot, total: Expr, data: Expr, weight: Expr) -> Expr:
    for byte in range(WORD):
        total = total + _byte(data, byte, dot.data == "int8") * _byte(weight, byte, True)
    return total


def _byte(word: Expr, byte: int, signed: bool) -> Expr:
    """A byte of an int32 word as an int32."""
    left = tirx.shift_left(word, tirx.const(24 - 8 * byte, "int32"))
    shifted = tirx.shift_right(left, tirx.const(24, "int32"))
    return shifted if signed else tirx.bitwise_and(shifted, tirx.const(255, "int32"))


def _lanes(dtype: str) -> int:
    return int(dtype.partition("x")[2] or 1)


def _register(dot: Dot) -> None:
    ir._ffi_api.RegisterOp(dot.name, "the sum of an int32 and four products of bytes")
    operator = ir.Op.get(dot.name)
    operator.set_num_inputs(3)
    operator.set_attr("TVectorizable", True)
    operator.set_attr("TCallEffectKind", PURE)
    operator.set_attr("TScriptPrinterName", dot.name.partition(".")[2])
    tirx.register_intrin_lowering(dot.name, target="default", f=lowered)


PURE = 1
"""TVM's CallEffectKind kPure."""

for _dot in BY_NAME.values():
    if _dot.name not in ir.Op.list_op_names():
        _register(_dot)
