"""An MXNet graph as an ONNX model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.mxnet import arithmetic, layers, recurrent, values
from neo_compiler.frontends.mxnet import shapes as mxnet_shapes
from neo_compiler.frontends.mxnet.file import DTYPES, Node, Symbol
from neo_compiler.frontends.mxnet.operators import Operator, State
from neo_compiler.frontends.onnx.builder import Builder
from neo_compiler.input_config import DYNAMIC, ModelInput, Shape

OPERATORS: dict[str, Operator] = {
    **arithmetic.OPERATORS,
    **mxnet_shapes.OPERATORS,
    **values.OPERATORS,
    **layers.OPERATORS,
    **recurrent.OPERATORS,
}
"""MXNet's operator -> what makes ONNX of it."""

LABELLED = frozenset(
    {
        *("SoftmaxOutput", "Softmax", "LinearRegressionOutput", "LogisticRegressionOutput", "MAERegressionOutput"),
        *("SVMOutput", "softmax_cross_entropy"),
    }
)
"""Operators whose second input is a label, which only training feeds."""


@dataclass(frozen=True)
class Network:
    """A model's two files."""

    symbol: Symbol
    arrays: dict[str, Array]


def declared_inputs(network: Network) -> list[ModelInput]:
    """What a caller feeds: nodes without operator and without array, labels left out."""
    nodes = network.symbol.nodes
    labels = {node.inputs[1][0] for node in nodes if node.op in LABELLED and len(node.inputs) > 1}
    read_otherwise = {
        source
        for node in nodes
        for place, (source, _) in enumerate(node.inputs)
        if node.op not in LABELLED or place != 1
    }
    return [
        _declared(node)
        for index, node in enumerate(nodes)
        if node.op == "null" and node.name not in network.arrays and index not in labels - read_otherwise
    ]


def _declared(node: Node) -> ModelInput:
    shape = node.value("__shape__", None)
    known = tuple(int(size) if size > 0 else DYNAMIC for size in shape) if isinstance(shape, tuple) and shape else None
    kind = node.value("__dtype__", 0)
    return ModelInput(
        node.name, known, DTYPES[kind] if isinstance(kind, int) and 0 <= kind < len(DTYPES) else "float32"
    )


def convert(network: Network, shapes: dict[str, Shape]) -> Any:
    """The model with inputs of `shapes`. Raises ValueError naming the node that cannot be converted."""
    state = State(Builder(), network.symbol, {})
    inputs = {item.name: item.dtype for item in declared_inputs(network)}
    missing = sorted({node.op for node in network.symbol.nodes} - {"null", *OPERATORS})
    if missing:
        raise ValueError(f"The following operators are not supported: {', '.join(missing)}")
    for index, node in enumerate(network.symbol.nodes):
        if node.op == "null":
            state.values[index, 0] = _leaf(state.graph, node, network.arrays, shapes, inputs)
            continue
        try:
            results = OPERATORS[node.op](state, node, [state.values.get(source, "") for source in node.inputs])
        except (ValueError, KeyError, IndexError, TypeError, ZeroDivisionError) as error:
            raise ValueError(f"{node.op} (node {node.name}): {error}") from error
        for place, result in enumerate([results] if isinstance(results, str) else results):
            state.values[index, place] = result
    return state.graph.model(_outputs(state, network.symbol))


def _outputs(state: State, symbol: Symbol) -> dict[str, str]:
    """The results by MXNet's names of them: the node's, with _output."""
    outputs: dict[str, str] = {}
    for index, place in symbol.heads:
        several = (index, 1) in state.values
        name = f"{symbol.nodes[index].name}_output{place if several else ''}"
        outputs[name] = state.values[index, place]
    return outputs


def _leaf(
    graph: Builder, node: Node, arrays: dict[str, Array], shapes: dict[str, Shape], inputs: dict[str, str]
) -> str:
    if node.name in arrays:
        array = arrays[node.name]
        return graph.constant(array.astype("float32") if array.dtype in (np.float16, np.float64) else array)
    if node.name in shapes:
        return graph.input(node.name, shapes[node.name], inputs[node.name].replace("float16", "float32"))
    return ""  # a label
