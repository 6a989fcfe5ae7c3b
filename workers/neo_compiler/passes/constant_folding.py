"""Folds constants with numpy. TVM's own FoldConstant compiles a function for every call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.passes.rewriter import Rewriter, ints, is_constant, op_name, rewrite, shape_of
from neo_compiler.tvm_types import Expr

MAX_BYTES = 4 << 20
"""Maximum size of a folded result, unless it is not larger than its inputs."""

Array = npt.NDArray[Any]

DEQUANTIZE = "relax.dequantize"


def fold(module: tvm.IRModule, keep_quantised: bool = False) -> tvm.IRModule:
    """`module` with folded constants. `keep_quantised`: weights stay 8-bit integers."""
    return relax.transform.DeadCodeElimination()(rewrite(module, _Folder, keep_quantised))


def constant(array: Array, dtype: str | None = None) -> Expr:
    """A relax constant, compact in memory."""
    return relax.const(np.ascontiguousarray(array), dtype or str(array.dtype))


def _permute(call: Expr, array: Array) -> Array:
    axes = call.attrs.axes
    return np.transpose(array, None if axes is None else ints(axes))


def _to_result_shape(call: Expr, array: Array, *_: object) -> Array:
    return np.reshape(array, ints(call.ty.shape.values))


def _broadcast(call: Expr, array: Array, *_: object) -> Array:
    return np.broadcast_to(array, ints(call.ty.shape.values))


def _cast(call: Expr, array: Array) -> Array:
    return array.astype(str(call.ty.dtype))


def _numpy(function: Callable[..., Any]) -> Callable[..., Array]:
    def apply(call: Expr, *arrays: Array) -> Array:
        if any(array.dtype.kind != "f" for array in arrays):
            raise TypeError("numpy's whole numbers divide and overflow in a way of their own")
        return np.asarray(function(*arrays))

    return apply


def _dequantize(call: Expr, array: Array, scale: Array, zero_point: Array) -> Array:
    """A quantised weight as the float32 numbers it stands for: no kernel multiplies smaller ones faster here."""

    def along(values: Array) -> Array:
        shape = [1] * array.ndim
        if values.size > 1:
            shape[int(call.attrs.axis)] = values.size
        return values.reshape(shape)

    wide = array.astype("int32") - along(zero_point.astype("int32"))
    return np.asarray(wide.astype("float32") * along(scale.astype("float32")))


FOLDABLE: dict[str, Callable[..., Array]] = {
    "relax.permute_dims": _permute,
    **{f"relax.{name}": _to_result_shape for name in ("reshape", "expand_dims", "squeeze", "flatten")},
    "relax.broadcast_to": _broadcast,
    "relax.astype": _cast,
    "relax.add": _numpy(np.add),
    "relax.subtract": _numpy(np.subtract),
    "relax.multiply": _numpy(np.multiply),
    "relax.divide": _numpy(np.divide),
    "relax.sqrt": _numpy(np.sqrt),
    "relax.rsqrt": _numpy(lambda x: 1 / np.sqrt(x)),
    "relax.negative": _numpy(np.negative),
    "relax.exp": _numpy(np.exp),
    DEQUANTIZE: _dequantize,
}
"""(call, its constant arguments) -> the result. Raises what numpy raises."""


class _Folder(Rewriter):
    def __init__(self, module: tvm.IRModule, keep_quantised: bool) -> None:
        super().__init__(module)
        self._keep_quantised = keep_quantised

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        name = op_name(call)
        source = self.value(args[0]) if args else None
        if name == "relax.shape_of" and (shape := shape_of(source)) is not None:
            return relax.ShapeExpr(shape)
        if name == "relax.shape_to_tensor" and isinstance(source, relax.ShapeExpr):
            return constant(np.array(ints(source.values), "int64"))
        if name not in FOLDABLE or not is_constant(source):
            return None
        if name == DEQUANTIZE and self._keep_quantised and len(shape_of(source) or []) > 1:
            return None
        known = [arg.value.numpy() for arg in args if is_constant(arg)]
        unknown = [arg for arg in args if not is_constant(arg) and not isinstance(arg, relax.ShapeExpr)]
        return None if unknown else _fold(name, call, known)

    def emit(self, value: Expr) -> Expr:
        """Shapes stand for themselves: operators want them as arguments."""
        return value if isinstance(value, relax.ShapeExpr) else super().emit(value)


def _fold(name: str, call: Expr, known: list[Array]) -> Expr | None:
    shape = shape_of(call)
    if shape is None:
        return None
    dtype = str(call.ty.dtype)
    size_bytes = math.prod(shape) * known[0].itemsize
    if name != DEQUANTIZE and size_bytes > max(MAX_BYTES, sum(array.nbytes for array in known)):
        return None
    try:
        with np.errstate(all="ignore"):
            result = FOLDABLE[name](call, *known)
    except (TypeError, ValueError):
        return None
    return constant(result, dtype) if str(result.dtype) == dtype and list(result.shape) == shape else None
