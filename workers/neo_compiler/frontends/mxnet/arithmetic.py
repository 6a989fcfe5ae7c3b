"""MXNet's elementwise operators, comparisons and reductions. Source: Apache MXNet 1.9 API, mx.sym."""

from __future__ import annotations

import numpy as np

from neo_compiler.frontends.base import random_text
from neo_compiler.frontends.mxnet.file import Node
from neo_compiler.frontends.mxnet.operators import Operator, State, axis_of, first, simple

_BINARY = {
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "power": "Pow",
    "maximum": "Max",
    "minimum": "Min",
    "plus": "Add",
    "minus": "Sub",
}
_COMPARE = {
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "lesser": "Less",
    "lesser_equal": "LessOrEqual",
}
_LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
_UNARY = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "abs": "Abs",
    "negative": "Neg",
    "_np_negative": "Neg",
    "reciprocal": "Reciprocal",
    "floor": "Floor",
    "ceil": "Ceil",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "arcsin": "Asin",
    "arccos": "Acos",
    "arctan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "arcsinh": "Asinh",
    "arccosh": "Acosh",
    "arctanh": "Atanh",
    "erf": "Erf",
    "sign": "Sign",
    "softsign": "Softsign",
    "round": "Round",
    "rint": "Round",
}
_REDUCE = {
    "mean": "ReduceMean",
    "sum": "ReduceSum",
    "sum_axis": "ReduceSum",
    "max": "ReduceMax",
    "max_axis": "ReduceMax",
    "min": "ReduceMin",
    "min_axis": "ReduceMin",
    "prod": "ReduceProd",
}
_SPELLINGS = ("elemwise_{}", "broadcast_{}", "_{}", "_npi_{}")


def _binary(op: str) -> Operator:
    def convert(state: State, node: Node, inputs: list[str]) -> str:
        left, right = inputs
        return state.graph.add(op, left, state.graph.cast(right, state.graph.dtype(left)))

    return convert


def _scalar(op: str, reverse: bool = False) -> Operator:
    def convert(state: State, node: Node, inputs: list[str]) -> str:
        number = state.graph.scalar(node.number("scalar"), inputs[0])
        pair = (number, inputs[0]) if reverse else (inputs[0], number)
        return state.graph.add(op, *pair)

    return convert


def _compare(op: str, scalar: bool, negate: bool = False) -> Operator:
    """0 or 1, in the type of the first input."""

    def convert(state: State, node: Node, inputs: list[str]) -> str:
        graph = state.graph
        right = graph.scalar(node.number("scalar"), inputs[0]) if scalar else inputs[1]
        truth = graph.add(op, inputs[0], right)
        return graph.cast(graph.add("Not", truth) if negate else truth, graph.dtype(inputs[0]))

    return convert


def _logical(op: str) -> Operator:
    def convert(state: State, node: Node, inputs: list[str]) -> str:
        truths = [state.graph.cast(name, "bool") for name in inputs]
        return state.graph.cast(state.graph.add(op, *truths), state.graph.dtype(inputs[0]))

    return convert


def _reduce(op: str) -> Operator:
    def convert(state: State, node: Node, inputs: list[str]) -> str:
        axes = reduced_axes(node, len(state.graph.shape(inputs[0])))
        keep = int(node.flag("keepdims"))
        if op == "ReduceSum":
            return state.graph.add(op, inputs[0], state.graph.constant(axes, "int64"), keepdims=keep)
        return state.graph.add(op, inputs[0], axes=axes, keepdims=keep)

    return convert


def reduced_axes(node: Node, rank: int) -> list[int]:
    """The axes that a reduction leaves out: those of `axis`, or all others with exclude."""
    axes = [axis_of(axis, rank) for axis in node.integers("axis", list(range(rank)))]
    return [axis for axis in range(rank) if axis not in axes] if node.flag("exclude") else sorted(axes)


def _dropout(state: State, node: Node, inputs: list[str]) -> str:
    """Nothing is dropped outside training, unless the node says so."""
    if node.value("mode", "training") == "always" and node.number("p", 0.5) > 0:
        raise ValueError(random_text("mode=always"))
    return inputs[0]


def _norm(state: State, node: Node, inputs: list[str]) -> str:
    order = node.integer("ord", 2)
    if order not in (1, 2):
        raise ValueError(f"ord={order} is not available")
    axes = reduced_axes(node, len(state.graph.shape(inputs[0])))
    return state.graph.add(f"ReduceL{order}", inputs[0], axes=axes, keepdims=int(node.flag("keepdims")))


def _clip(state: State, node: Node, inputs: list[str]) -> str:
    low, high = (state.graph.scalar(node.number(key), inputs[0]) for key in ("a_min", "a_max"))
    return state.graph.add("Clip", inputs[0], low, high)


def _power_of(exponent: float) -> Operator:
    return lambda state, node, inputs: state.graph.add("Pow", inputs[0], state.graph.scalar(exponent, inputs[0]))


def _inverse(op: str) -> Operator:
    """1 / op(x)."""
    return lambda state, node, inputs: state.graph.add("Reciprocal", state.graph.add(op, inputs[0]))


def _plus_one(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Log", state.graph.add("Add", inputs[0], state.graph.scalar(1, inputs[0])))


def _minus_one(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Sub", state.graph.add("Exp", inputs[0]), state.graph.scalar(1, inputs[0]))


def _smooth_l1(state: State, node: Node, inputs: list[str]) -> str:
    graph, sigma = state.graph, node.number("scalar", 1.0)
    size = graph.add("Abs", inputs[0])
    square = graph.add("Mul", graph.add("Mul", size, size), graph.scalar(0.5 * sigma**2, size))
    line = graph.add("Sub", size, graph.scalar(0.5 / sigma**2, size))
    return graph.add("Where", graph.add("Less", size, graph.scalar(1 / sigma**2, size)), square, line)


def _sum(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.add("Sum", *inputs)


def _cast(state: State, node: Node, inputs: list[str]) -> str:
    dtype = node.text("dtype", "float32").replace("float16", "float32").replace("float64", "float32")
    return state.graph.cast(inputs[0], str(np.dtype(dtype)))


def _div_sqrt_dim(state: State, node: Node, inputs: list[str]) -> str:
    width = state.graph.shape(inputs[0])[-1]
    return state.graph.add("Div", inputs[0], state.graph.scalar(width**0.5, inputs[0]))


def _not(state: State, node: Node, inputs: list[str]) -> str:
    return state.graph.cast(state.graph.add("Not", state.graph.cast(inputs[0], "bool")), state.graph.dtype(inputs[0]))


OPERATORS: dict[str, Operator] = {
    **{spelling.format(name): _binary(op) for name, op in _BINARY.items() for spelling in _SPELLINGS},
    **{f"_{name.title()}": _binary(op) for name, op in _BINARY.items()},
    **{f"_{name}_scalar": _scalar(op) for name, op in _BINARY.items()},
    **{f"_{name.title()}Scalar": _scalar(op) for name, op in _BINARY.items()},
    **{f"_r{name}_scalar": _scalar(op, reverse=True) for name, op in _BINARY.items()},
    **{f"broadcast_{name}": _compare(op, scalar=False) for name, op in _COMPARE.items()},
    **{f"_{name}": _compare(op, scalar=False) for name, op in _COMPARE.items()},
    **{f"_{name}_scalar": _compare(op, scalar=True) for name, op in _COMPARE.items()},
    **{f"{name}": _compare("Equal", scalar=False, negate=True) for name in ("broadcast_not_equal", "_not_equal")},
    "_not_equal_scalar": _compare("Equal", scalar=True, negate=True),
    **{f"broadcast_{name}": _logical(op) for name, op in _LOGICAL.items()},
    "logical_not": _not,
    **{name: simple(op) for name, op in _UNARY.items()},
    **{name: _reduce(op) for name, op in _REDUCE.items()},
    **dict.fromkeys(("identity", "_copy", "BlockGrad", "stop_gradient", "MakeLoss", "make_loss"), first),
    **dict.fromkeys(("add_n", "ElementWiseSum", "_sum"), _sum),
    **dict.fromkeys(("Cast", "cast", "amp_cast"), _cast),
    "Dropout": _dropout,
    "norm": _norm,
    "clip": _clip,
    "square": _power_of(2.0),
    "cbrt": _power_of(1 / 3),
    "rsqrt": _inverse("Sqrt"),
    "log1p": _plus_one,
    "expm1": _minus_one,
    "smooth_l1": _smooth_l1,
    "_contrib_div_sqrt_dim": _div_sqrt_dim,
}
