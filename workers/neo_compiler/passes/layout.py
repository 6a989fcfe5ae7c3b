"""Channels last: rewrites main so that convolutions, and what lies between them, keep channels innermost.

Operator by operator: a value may exist in both orders, and is turned only where an operator needs the order it does
not have. An operator without a rule gets its arguments as the model wrote them, so no operator can be an error.
TVM's ConvertLayout instead gives up on a whole model for one operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tvm
from tvm import relax

from neo_compiler.passes.constant_folding import constant
from neo_compiler.passes.rewriter import Rewriter, is_constant, op_name, shape_of
from neo_compiler.tvm_types import Expr

Rule = Callable[["Turner", Expr], "Result | None"]
"""(turner, call of the old function) -> what stands for it; None: in the model's order."""


class Result(NamedTuple):
    """What a rule made of a call."""

    value: Expr
    turned: bool  # channels last; else as the model wrote it


def to_last(rank: int) -> list[int]:
    """Axes of a permutation from channels first to last: [0, 2, 3, 1] for rank 4."""
    return [0, *range(2, rank), 1]


def to_first(rank: int) -> list[int]:
    """The inverse of `to_last`."""
    return [0, rank - 1, *range(1, rank - 1)]


def turned_axis(axis: int, rank: int) -> int:
    """Where a channels-first axis lies with channels last."""
    return to_last(rank).index(axis % rank)


class Turner(Rewriter):
    """Keeps channels-last versions of tensors beside those in the model's order."""

    def __init__(self, module: tvm.IRModule, rules: Mapping[str, Rule]) -> None:
        super().__init__(module)
        self._rules = rules
        self._turned: dict[Expr, Expr] = {}  # a variable of the old function -> its channels-last version

    def binding(self, binding: Expr) -> None:
        """Emits one binding, by its operator's rule where there is one."""
        value, var = binding.value, binding.var
        result = None
        if isinstance(value, relax.Call) and (rule := self._rules.get(op_name(value))) is not None:
            result = rule(self, value)
        elif isinstance(value, relax.TupleGetItem) and value.tuple_value in self._turned:
            result = Result(relax.TupleGetItem(self._turned[value.tuple_value], value.index), True)
        elif isinstance(value, relax.Var) and value in self._turned:
            result = Result(self._turned[value], True)
        if result is None:
            self._new[var] = self.emit(self.rebuilt(value))
        else:
            (self._turned if result.turned else self._new)[var] = self.emit(result.value)

    def new(self, expr: Expr) -> Expr:
        """An expression in the model's order."""
        if isinstance(expr, relax.Var) and expr not in self._new and expr in self._turned:
            self._new[expr] = self._turned_back(self._turned[expr])
        return super().new(expr)

    def _turned_back(self, turned: Expr) -> Expr:
        if isinstance(turned.ty, relax.TupleType):
            fields = [self.emit(relax.TupleGetItem(turned, index)) for index in range(len(turned.ty.fields))]
            return self.emit(relax.Tuple([self._turned_back(field) for field in fields]))
        return self.emit(relax.op.permute_dims(turned, to_first(len(turned.ty.shape))))

    def last(self, expr: Expr, rank: int) -> Expr:
        """A tensor with channels last; a constant is brought to `rank` first, as broadcasting does."""
        if is_constant(expr):
            array = expr.value.numpy()
            if array.size == 1:
                return constant(array.reshape(()))
            return constant(array.reshape((1,) * (rank - array.ndim) + array.shape).transpose(to_last(rank)))
        if expr not in self._turned:
            first, shape = self.new(expr), shape_of(expr) or []
            order = to_last(rank)
            if (shape and sum(size > 1 for size in shape[1:]) <= 1) or (shape and shape[1] == 1):
                turned = relax.op.reshape(first, [shape[axis] for axis in order])
            else:
                turned = relax.op.permute_dims(first, order)
            self._turned[expr] = self.emit(turned)
        return self._turned[expr]

    def has(self, expr: Expr) -> bool:
        """Whether there is a channels-last version of this tensor already."""
        return expr in self._turned and not isinstance(expr.ty, relax.TupleType)
