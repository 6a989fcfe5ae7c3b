"""Small surgery on ONNX graphs: what a node reads, which nodes matter, a branch put in an If's place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import helper

Node = Any
Graph = Any
Tensor = Any


def subgraphs(node: Node) -> Iterator[Graph]:
    """The graphs that a node carries in its attributes (If, Loop, Scan)."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def reads(node: Node) -> set[str]:
    """Every name that a node or a graph inside it may read; names inside that graph are counted too."""
    names = {name for name in node.input if name}
    for graph in subgraphs(node):
        names |= {value.name for value in graph.output}
        for inner in graph.node:
            names |= reads(inner)
    return names


def live_nodes(nodes: Iterable[Node], outputs: Iterable[str]) -> list[Node]:
    """The nodes that `outputs` need, in their order."""
    wanted = set(outputs)
    kept = []
    for node in reversed(list(nodes)):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted |= reads(node)
    return kept[::-1]


def branch(node: Node, condition: bool) -> Graph:
    """The graph of an If that runs under `condition`."""
    name = "then_branch" if condition else "else_branch"
    return next(attribute.g for attribute in node.attribute if attribute.name == name)


@dataclass(frozen=True)
class Inlined:
    """A branch as part of the graph around it."""

    nodes: list[Node]
    tensors: list[Tensor]


def inline(graph: Graph, node: Node) -> Inlined:
    """`graph`, a branch of the If `node`, its own names made unique and its results called as `node`'s."""
    prefix = f"{node.name or node.output[0]}/"
    made = {name for inner in graph.node for name in inner.output if name}
    weights = {tensor.name for tensor in graph.initializer}
    names = {name: prefix + name for name in made | weights}
    names |= {v.name: out for v, out in zip(graph.output, node.output, strict=True) if v.name in made and out}
    nodes = [renamed(inner, names, prefix) for inner in graph.node]
    tensors = []
    for tensor in graph.initializer:
        copy = onnx.TensorProto()
        copy.CopyFrom(tensor)
        copy.name = names[tensor.name]
        tensors.append(copy)
    for value, output in zip(graph.output, node.output, strict=True):
        if output and names.get(value.name, value.name) != output:
            nodes.append(helper.make_node("Identity", [names.get(value.name, value.name)], [output]))
    return Inlined(nodes, tensors)


def renamed(node: Node, names: Mapping[str, str], prefix: str = "") -> Node:
    """A copy of `node` that reads and writes under new names, in its graphs too where they do not define their own."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name = prefix + node.name
    for index, name in enumerate(node.input):
        copy.input[index] = names.get(name, name)
    for index, name in enumerate(node.output):
        copy.output[index] = names.get(name, name)
    for graph in subgraphs(copy):
        own = {name for inner in graph.node for name in inner.output}
        own |= {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
        outer = {old: new for old, new in names.items() if old not in own}
        inner_nodes = [renamed(inner, outer) for inner in graph.node]
        del graph.node[:]
        graph.node.extend(inner_nodes)
        for value in graph.output:
            value.name = outer.get(value.name, value.name)
    return copy
