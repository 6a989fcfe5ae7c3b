"""What MXNet's operators are converted with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neo_compiler.frontends.mxnet.file import Node, Symbol
from neo_compiler.frontends.onnx.builder import Builder


@dataclass
class State:
    """The graph in the making, and what each (node, result) became."""

    graph: Builder
    symbol: Symbol
    values: dict[tuple[int, int], str]


Operator = Callable[[State, Node, list[str]], str | list[str]]
"""(state, node, its inputs' ONNX names) -> its results' ONNX names. Raises ValueError for what is not available."""


def simple(op: str, **attributes: object) -> Operator:
    """An operator that ONNX has too."""
    return lambda state, node, inputs: state.graph.add(op, *inputs, **attributes)


def first(state: State, node: Node, inputs: list[str]) -> str:
    """An operator that only means something in training."""
    return inputs[0]


def axis_of(axis: int, rank: int) -> int:
    """The axis, counted from the front. Raises ValueError for one that is none."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} of {rank} dimensions")
    return axis % rank
