"""ONNX operators that TVM's frontend would convert slowly: CONVERTERS replaces its entries.

Its Clip makes kernels that no layout pass sees through; its Max, Min and Sum stack whole tensors and reduce the stack.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from tvm import relax
from tvm.relax.frontend.onnx import onnx_frontend as frontend

from neo_compiler.tvm_types import Expr


class Clip(frontend.Clip):  # type: ignore[misc]
    """Clip with constant bounds, as relu where the lower one is zero."""

    @classmethod
    def _impl_v1(cls, bb: Any, inputs: Any, attr: Any, params: Any) -> Expr:
        return _clip(bb, inputs[0], attr.get("min"), attr.get("max"))

    @classmethod
    def _impl_v13(cls, bb: Any, inputs: Any, attr: Any, params: Any) -> Expr:
        bounds = [_number(inputs[index]) if len(inputs) > index else None for index in (1, 2)]
        if "unknown" in bounds or "float" not in str(inputs[0].ty.dtype):
            return super()._impl_v13(bb, inputs, attr, params)
        return _clip(bb, inputs[0], *bounds)


def _number(bound: Expr) -> float | str | None:
    """A constant bound's value; None without one, "unknown" when it is computed."""
    if bound is None:
        return None
    array = bound.value.numpy() if hasattr(getattr(bound, "value", None), "numpy") else None
    if array is None or array.size != 1:
        return "unknown"
    value = float(array.reshape(()))
    return None if np.isnan(value) else value


def _clip(bb: Any, x: Expr, low: Any, high: Any) -> Expr:
    dtype = str(x.ty.dtype)
    if low == 0:
        x = bb.normalize(relax.op.nn.relu(x))
    elif low is not None:
        x = bb.normalize(relax.op.maximum(x, relax.const(low, dtype)))
    return x if high is None else relax.op.minimum(x, relax.const(high, dtype))


def _pairwise(base: Any, operator: Callable[[Expr, Expr], Expr]) -> Any:
    """A converter that takes its inputs two by two; of constants alone, as TVM's."""

    class Pairwise(base):  # type: ignore[misc]
        @classmethod
        def _impl_v1(cls, bb: Any, inputs: Any, attr: Any, params: Any) -> Expr:
            if all(hasattr(getattr(item, "value", None), "numpy") for item in inputs):
                return super()._impl_v1(bb, inputs, attr, params)
            return reduce(lambda left, right: bb.normalize(operator(left, right)), inputs)

    Pairwise.__name__ = base.__name__
    return Pairwise


CONVERTERS: dict[str, Any] = {
    "Clip": Clip,
    "Max": _pairwise(frontend.Max, relax.op.maximum),
    "Min": _pairwise(frontend.Min, relax.op.minimum),
    "Sum": _pairwise(frontend.Sum, relax.op.add),
}
"""By ONNX' name: a class of TVM's OnnxOpConverter."""

_convert_map = frontend._get_convert_map


def install() -> None:
    """Makes TVM's frontend use CONVERTERS; a second call changes nothing."""
    frontend._get_convert_map = lambda *arguments: {**_convert_map(*arguments), **CONVERTERS}
