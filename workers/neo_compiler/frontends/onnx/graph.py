"""Small surgery on ONNX graphs: what a node reads, which nodes matter, a branch put in an If's place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from neo_compiler.frontends.base import Array
from neo_compiler.tvm_types import OnnxGraph, OnnxNode, OnnxTensor


def subgraphs(node: OnnxNode) -> Iterator[OnnxGraph]:
    """The graphs that a node carries in its attributes (If, Loop, Scan)."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        elif attribute.type == onnx.AttributeProto.GRAPHS:
            yield from attribute.graphs


def reads(node: OnnxNode) -> set[str]:
    """Every name that a node or a graph inside it may read; names inside that graph are counted too."""
    names = {name for name in node.input if name}
    for graph in subgraphs(node):
        names |= {value.name for value in graph.output}
        for inner in graph.node:
            names |= reads(inner)
    return names


def live_nodes(nodes: Iterable[OnnxNode], outputs: Iterable[str]) -> list[OnnxNode]:
    """The nodes that `outputs` need, in their order."""
    wanted = set(outputs)
    kept = []
    for node in reversed(list(nodes)):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted |= reads(node)
    return kept[::-1]


def branch(node: OnnxNode, condition: bool) -> OnnxGraph:
    """The graph of an If that runs under `condition`."""
    name = "then_branch" if condition else "else_branch"
    return next(attribute.g for attribute in node.attribute if attribute.name == name)


@dataclass(frozen=True)
class Inlined:
    """A branch as part of the graph around it."""

    nodes: list[OnnxNode]
    tensors: list[OnnxTensor]


def inline(graph: OnnxGraph, prefix: str, outputs: Sequence[str], inputs: Sequence[str] = ()) -> Inlined:
    """`graph`, that of an If or Loop, its own names made unique; what it reads and makes is called as outside."""
    made = {name for inner in graph.node for name in inner.output if name}
    weights = {tensor.name for tensor in graph.initializer}
    names = {name: prefix + name for name in made | weights}
    names |= {value.name: name for value, name in zip(graph.input, inputs, strict=False)}
    names |= {v.name: out for v, out in zip(graph.output, outputs, strict=True) if v.name in made and out}
    nodes = [renamed(inner, names, prefix) for inner in graph.node]
    tensors = []
    for tensor in graph.initializer:
        copy = onnx.TensorProto()
        copy.CopyFrom(tensor)
        copy.name = names[tensor.name]
        tensors.append(copy)
    for value, output in zip(graph.output, outputs, strict=True):
        if output and names.get(value.name, value.name) != output:
            nodes.append(helper.make_node("Identity", [names.get(value.name, value.name)], [output]))
    return Inlined(nodes, tensors)


def label(node: OnnxNode) -> str:
    """A name for what a node stands for: its own, else that of its first result."""
    return str(node.name or next(filter(None, node.output)))


def renamed(node: OnnxNode, names: Mapping[str, str], prefix: str = "") -> OnnxNode:
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


def with_shape(value: Any, shapes: Mapping[str, Sequence[int]]) -> Any:
    """A copy of a graph's input, of the shape in `shapes` if it has one there."""
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    if value.name in shapes:
        copy.type.tensor_type.shape.ClearField("dim")
        copy.type.tensor_type.shape.SetInParent()
        for size in shapes[value.name]:
            copy.type.tensor_type.shape.dim.add().dim_value = size
    return copy


def with_rank(value: Any) -> Any:
    """A copy of a graph's output without its sizes: they may be wrong for the new inputs, and are inferred again."""
    copy = onnx.ValueInfoProto()
    copy.CopyFrom(value)
    for dim in copy.type.tensor_type.shape.dim if copy.type.tensor_type.HasField("shape") else ():
        dim.Clear()
    return copy


def dense(sparse: Any) -> Array:
    """A SparseTensorProto with its zeros. Raises what numpy raises for places outside of it."""
    values, places = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    made: Array = np.zeros(tuple(sparse.dims), values.dtype)
    made[tuple(places.T) if places.ndim > 1 else np.unravel_index(places, made.shape)] = values
    return made
