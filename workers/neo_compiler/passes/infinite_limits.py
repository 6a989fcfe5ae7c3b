"""Reductions to the greatest or least number that begin at infinity, as the frameworks' do.

TVM begins at the least or greatest finite number, so that a line of infinities alone would give that.
"""

from __future__ import annotations

import math
from typing import Any

import tvm
import tvm_ffi
from tvm import tirx
from tvm.ir.expr import TensorLoad


def begin_at_infinity(module: tvm.IRModule) -> tvm.IRModule:
    """`module` whose kernels start maxima at -inf and minima at inf."""
    functions = dict(module.functions_items())
    for name, function in functions.items():
        if isinstance(function, tirx.PrimFunc):
            functions[name] = function.with_body(_Reductions().begun(function.body))
    return tvm.IRModule(functions, attrs=module.attrs)


class _Reductions:
    def __init__(self) -> None:
        self._results: list[Any] = []  # buffers that hold the greatest or least so far

    def begun(self, body: Any) -> Any:
        """A kernel's body with other first values."""
        tvm_ffi.structural_walk(body, (tirx.BufferStore, self._look))
        if not self._results:
            return body
        return tvm_ffi.structural_map(body, (tirx.BufferStore, self._first))

    def _look(self, store: Any) -> None:
        value, buffer = store.value, store.buffer
        if isinstance(value, tirx.Max | tirx.Min) and any(_is_load(side, buffer) for side in (value.a, value.b)):
            self._results.append(buffer)

    def _first(self, store: Any) -> Any:
        value = store.value
        if not isinstance(value, tirx.FloatImm) or not any(store.buffer.same_as(buffer) for buffer in self._results):
            return store
        dtype = str(value.ty.dtype)
        ends = [float(tirx.min_value(dtype).value), float(tirx.max_value(dtype).value)]
        if float(value.value) not in ends:
            return store
        return tirx.BufferStore(store.buffer, tirx.FloatImm(dtype, math.copysign(math.inf, value.value)), store.indices)


def _is_load(expr: Any, buffer: Any) -> bool:
    return isinstance(expr, TensorLoad) and expr.source.same_as(buffer)
