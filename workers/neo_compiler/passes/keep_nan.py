"""Maxima and minima that keep NaN and begin at infinity, as the frameworks' do.

TVM's give the other number where one is NaN, in a reduction what follows it, and begin at the least finite number.

With a constant it costs nothing: x86's vmaxps gives its second operand where one is NaN, 64-bit Arm has fmax. Of two
tensors, and in a reduction, x86 needs a second comparison. A softmax does without: NaN comes to it by its sum.
"""

from __future__ import annotations

import math
from typing import Any

import tvm
import tvm_ffi
from tvm import tirx
from tvm.ir.expr import TensorLoad
from tvm.target import Target

SOFTMAX = "softmax"
"""In a kernel's name."""


def keep_nan(module: tvm.IRModule, target: Target) -> tvm.IRModule:
    """`module` whose kernels keep NaN in max and min; reductions of GPUs, which TVM knows by their form, do not."""
    functions = dict(module.functions_items())
    for name, function in functions.items():
        if isinstance(function, tirx.PrimFunc):
            keeper = _Keeper(target, SOFTMAX in name.name_hint)
            functions[name] = function.with_body(keeper.kept(function.body))
    return tvm.IRModule(functions, attrs=module.attrs)


class _Keeper:
    def __init__(self, target: Target, softmax: bool) -> None:
        self._reductions = target.kind.name == "llvm" and not softmax
        self._on_arm = target.kind.name == "llvm" and "aarch64" in str(target.attrs.get("mtriple", ""))
        self._softmax = softmax
        self._sums: list[Any] = []  # buffers that hold the greatest or least so far
        self._reduced: list[Any] = []  # those whose maxima stay TVM's

    def kept(self, body: Any) -> Any:
        """A kernel's body with other maxima and minima."""
        tvm_ffi.structural_walk(body, (tirx.BufferStore, self._look))
        if self._sums and not self._softmax:
            body = tvm_ffi.structural_map(body, (tirx.BufferStore, self._begun))
        return tvm_ffi.structural_map(body, ((tirx.Max, tirx.Min), self._replaced))

    def _look(self, store: Any) -> None:
        value, buffer = store.value, store.buffer
        if isinstance(value, tirx.Max | tirx.Min) and any(_is_load(side, [buffer]) for side in (value.a, value.b)):
            self._sums.append(buffer)
            if not self._reductions:
                self._reduced.append(buffer)

    def _begun(self, store: Any) -> Any:
        """A reduction's first value: infinity, where TVM has the greatest or least finite number."""
        value = store.value
        dtype = str(value.ty.dtype)
        if not isinstance(value, tirx.FloatImm) or not any(store.buffer.same_as(buffer) for buffer in self._sums):
            return store
        ends = [float(tirx.min_value(dtype).value), float(tirx.max_value(dtype).value)]
        if float(value.value) not in ends:
            return store
        return tirx.BufferStore(store.buffer, tirx.FloatImm(dtype, math.copysign(math.inf, value.value)), store.indices)

    def _replaced(self, node: Any) -> Any:
        x, y, dtype = node.a, node.b, str(node.ty.dtype)
        if not dtype.startswith("float") or any(_is_load(side, self._reduced) for side in (x, y)):
            return node
        greatest = isinstance(node, tirx.Max)
        if isinstance(x, tirx.FloatImm):
            x, y = y, x
        if self._on_arm and dtype == "float32":
            return tirx.call_llvm_pure_intrin(dtype, f"llvm.{'maximum' if greatest else 'minimum'}", x, y)
        better = (y > x) if greatest else (y < x)
        if not isinstance(y, tirx.FloatImm):
            better = tirx.any(better, tirx.isnan(y))
        return tirx.Select(better, y, x)


def _is_load(expr: Any, buffers: list[Any]) -> bool:
    """Whether `expr` reads one of `buffers`."""
    return isinstance(expr, TensorLoad) and any(expr.source.same_as(buffer) for buffer in buffers)
