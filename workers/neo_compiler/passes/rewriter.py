"""The base class of the compiler's passes: rebuilds a relax function binding by binding."""

from __future__ import annotations

from collections import Counter
from typing import Any

import tvm
from tvm import relax

from neo_compiler.tvm_types import Expr


class NotStraight(Exception):  # noqa: N818 - an expected outcome, not a fault
    """The function has control flow, effects or casts; passes skip it."""


class Rewriter:
    """Rewrites a module's main. Subclasses override `call`, which replaces calls of operators."""

    def __init__(self, module: tvm.IRModule) -> None:
        self.function = module["main"]
        others = {name: value for name, value in module.functions_items() if name.name_hint != "main"}
        self.builder = relax.BlockBuilder(tvm.IRModule(others, attrs=module.attrs))
        self.uses = _uses(self.function)
        self._new: dict[Expr, Expr] = {}  # a variable of the old function -> its replacement
        self._values: dict[Expr, Expr] = {}  # a variable of the new function -> its value

    def run(self) -> tvm.IRModule:
        """The module with its new main. Raises NotStraight."""
        function, builder = self.function, self.builder
        attrs = dict(function.attrs) if function.attrs else None
        with builder.function("main", params=list(function.params), attrs=attrs):
            with builder.dataflow():
                for binding in bindings(function):
                    self.binding(binding)
                output = builder.emit_output(self.result(function.body.body))
            builder.emit_func_output(output)
        return builder.get()

    def binding(self, binding: Expr) -> None:
        """Emits one binding of the old function."""
        value = binding.value
        new = self.call(value, [self.new(arg) for arg in value.args]) if isinstance(value, relax.Call) else None
        self._new[binding.var] = self.emit(self.rebuilt(value) if new is None else new)

    def result(self, body: Expr) -> Expr:
        """The function's result in the new function's variables."""
        return self.new(body)

    def call(self, call: Expr, args: list[Expr]) -> Expr | None:
        """The replacement of `call`, whose new arguments are `args`; None to keep the call."""
        raise NotImplementedError

    def emit(self, value: Expr) -> Expr:
        """Emits a variable bound to `value`; returns variables and constants unchanged."""
        if isinstance(value, relax.Var) or is_constant(value):
            return value
        var = self.builder.emit(value)
        self._values[var] = value
        return var

    def value(self, expr: Expr) -> Expr:
        """The value of a new variable, `expr` itself if it is not such a variable."""
        return self._values.get(expr, expr)

    def new(self, expr: Expr) -> Expr:
        """An old expression, which may be a tuple, in the new function's variables."""
        if isinstance(expr, relax.Tuple):
            return relax.Tuple([self.new(field) for field in expr.fields])
        return self._new.get(expr, expr)

    def rebuilt(self, value: Expr) -> Expr:
        """The same operation on new arguments. Raises NotStraight."""
        if isinstance(value, relax.Call):
            return relax.Call(value.op, [self.new(arg) for arg in value.args], value.attrs, value.ty_args)
        if isinstance(value, relax.TupleGetItem):
            return relax.TupleGetItem(self.new(value.tuple_value), value.index)
        if isinstance(value, relax.If | relax.Function | relax.SeqExpr):
            raise NotStraight(f"it has a {type(value).__name__}")
        return self.new(value)


def rewrite(module: tvm.IRModule, rewriter: type[Rewriter], *arguments: Any) -> tvm.IRModule:
    """`module` with its main rewritten by rewriter(module, *arguments); unchanged when main is not straight."""
    try:
        return rewriter(module, *arguments).run()
    except NotStraight:
        return module


def bindings(function: Expr) -> list[Expr]:
    """All bindings of a straight function, in order. Raises NotStraight."""
    if not isinstance(function.body, relax.SeqExpr) or not function.is_pure:
        raise NotStraight("it has effects")
    found = [binding for block in function.body.blocks for binding in block.bindings]
    if any(isinstance(binding, relax.MatchCast) for binding in found):
        raise NotStraight("it casts shapes")
    return found


def _uses(function: Expr) -> Counter[Expr]:
    """In how many bindings each variable is read; being the result counts."""
    values = [binding.value for binding in bindings(function)]
    return Counter(var for value in [*values, function.body.body] for var in relax.analysis.free_vars(value))


def is_constant(expr: Expr) -> bool:
    """Whether `expr` is a tensor that is known now."""
    return hasattr(getattr(expr, "value", None), "numpy")


def op_name(expr: Expr) -> str:
    """The operator of a call, "" for anything else."""
    return str(getattr(getattr(expr, "op", None), "name", ""))


def ints(values: Any) -> list[int]:
    """Integers of an attribute or a shape. Raises TypeError for a size that is unknown before run time."""
    return [int(value) for value in values]


def shape_of(expr: Expr) -> list[int] | None:
    """The shape of a tensor expression, None if it is unknown before run time."""
    shape = getattr(getattr(expr, "ty", None), "shape", None)
    if not isinstance(shape, relax.ShapeExpr):
        return None
    dims = list(shape.values)
    return [int(dim) for dim in dims] if all(isinstance(dim, int | tvm.tirx.IntImm) for dim in dims) else None
