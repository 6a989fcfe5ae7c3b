"""Takes the weights out of the code: big constants of `main` become its last parameters.

Before that, reorderings of constants (a transposed Gemm weight, a reshaped bias) are done once, with numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

HOIST_MIN_BYTES = 256
"""Smaller constants stay in the code: shapes, scales, axes."""

Array = npt.NDArray[Any]
Expr = Any
"""A relax expression; tvm is untyped."""


def _permute(array: Array, call: Expr) -> Array:
    axes = call.attrs.axes
    return np.transpose(array, None if axes is None else [int(axis) for axis in axes])


def _to_result_shape(array: Array, call: Expr) -> Array:
    return np.reshape(array, [int(dim) for dim in call.ty.shape.values])


FOLDABLE: dict[str, Callable[[Array, Any], Array]] = {
    "relax.permute_dims": _permute,
    "relax.reshape": _to_result_shape,
    "relax.expand_dims": _to_result_shape,
    "relax.squeeze": _to_result_shape,
    "relax.flatten": _to_result_shape,
}
"""Operators that only move a constant's elements: (constant, call) -> the new constant."""


@dataclass(frozen=True)
class Separated:
    """A module and the weights that were taken out of it."""

    module: tvm.IRModule  # main(inputs..., weights...)
    weights: dict[str, Array]  # in the order of main's last parameters


def separate(module: tvm.IRModule) -> Separated:
    """`module` with its big constants as parameters p0, p1, ... after its inputs."""
    hoister = _Hoister(module)
    main = hoister.visit_expr(module["main"])
    params = [*main.params, *hoister.variables]
    attrs = {**dict(main.attrs), "num_input": len(main.params)}
    function = relax.Function(params, main.body, main.ret_ty, main.is_pure, tvm.ir.make_node("ir.DictAttrs", **attrs))
    module = tvm.IRModule(dict(module.functions), attrs=module.attrs)
    module["main"] = function
    return Separated(module, hoister.weights)


@mutator
class _Hoister(PyExprMutator):  # type: ignore[misc]
    """Visits one function; collects the weights it replaced."""

    def __init__(self, module: tvm.IRModule) -> None:
        super().__init__(module)
        self.variables: list[Expr] = []
        self.weights: dict[str, Array] = {}
        self._folded: dict[Expr, Expr] = {}  # a variable -> the constant or shape it stands for
        self._seen: list[tuple[Expr, Expr]] = []  # (constant, variable)

    def visit_var_binding_(self, binding: Expr) -> None:
        folded = self._fold(binding.value)
        if folded is None:
            super().visit_var_binding_(binding)
        else:
            self._folded[binding.var] = folded

    def visit_var_(self, op: Expr) -> Expr:
        folded = self._folded.get(op)
        return super().visit_var_(op) if folded is None else self.visit_expr(folded)

    def visit_dataflow_var_(self, op: Expr) -> Expr:
        folded = self._folded.get(op)
        return super().visit_dataflow_var_(op) if folded is None else self.visit_expr(folded)

    def visit_generic_const_(self, op: Expr) -> Expr:
        for constant, variable in self._seen:
            if constant.same_as(op):
                return variable
        array = op.value.numpy()
        if array.nbytes < HOIST_MIN_BYTES:
            return op
        name = f"p{len(self.variables)}"
        variable = relax.Var(name, relax.TensorType(array.shape, str(op.value.dtype)))
        self.variables.append(variable)
        self.weights[name] = array
        self._seen.append((op, variable))
        return variable

    def _fold(self, value: Expr) -> Expr | None:
        """The constant or static shape that `value` comes to, None when it is computed at run time."""
        name = getattr(value.op, "name", None) if isinstance(value, relax.Call) else None
        if name is None:
            return None
        source: Expr = self._folded.get(value.args[0], value.args[0]) if value.args else None
        if name == "relax.shape_of" and static_shape(source) is not None:
            return relax.ShapeExpr(static_shape(source))
        if name == "relax.shape_to_tensor" and isinstance(source, relax.ShapeExpr):
            return relax.const(np.array([int(dim) for dim in source.values], "int64"), "int64")
        if name in FOLDABLE and hasattr(getattr(source, "value", None), "numpy"):
            array = FOLDABLE[name](source.value.numpy(), value)
            return relax.const(np.ascontiguousarray(array), str(source.value.dtype))
        return None


def static_shape(value: Expr) -> list[int] | None:
    """The shape of a tensor expression when every dimension is a number, else None."""
    shape = getattr(getattr(value, "ty", None), "shape", None)
    if not isinstance(shape, relax.ShapeExpr):
        return None
    dims = list(shape.values)
    return [int(dim) for dim in dims] if all(isinstance(dim, int | tvm.tirx.IntImm) for dim in dims) else None
