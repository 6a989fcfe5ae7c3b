"""Lifts the weights out of the code: large constants of `main` become its last parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import tvm
from tvm import relax
from tvm.relax.expr_functor import PyExprMutator, mutator

from neo_compiler.tvm_types import Expr

HOIST_MIN_BYTES = 256
"""Minimum size of a weight; smaller constants (shapes, scales, axes) stay in the code."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Separated:
    """A module and the weights lifted out of it."""

    module: tvm.IRModule  # main(inputs..., weights...)
    weights: dict[str, Array]  # in the order of main's last parameters


def separate(module: tvm.IRModule) -> Separated:
    """`module` with its large constants as parameters p0, p1, ... after its inputs."""
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
        self._seen: list[tuple[Expr, Expr]] = []  # (constant, variable)

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
