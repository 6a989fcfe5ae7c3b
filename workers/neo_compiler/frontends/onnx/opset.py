"""ONNX models of every opset brought to one, OPSET, for which all the rest is written.

Node by node: a model keeps its names, weights, subgraphs and other domains, and what one rule lacks costs one operator.
onnx.version_converter is not used: docs/decisions.md says what it gets wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import onnx
from onnx import defs, helper, shape_inference

from neo_compiler.errors import raise_out_of_memory
from neo_compiler.frontends.onnx.graph import label, subgraphs, with_shape
from neo_compiler.frontends.onnx.infer import SKELETON_MAX_BYTES, inferred, type_of
from neo_compiler.frontends.onnx.old_forms import RULES
from neo_compiler.frontends.onnx.old_node import OldNode
from neo_compiler.input_config import Shape
from neo_compiler.tvm_types import OnnxModel, OnnxNode

Types = dict[str, Any]
"""TypeProtos by name."""

OPSET = 28
"""Of the standard operators."""

IR_VERSION = 10
"""From 4 on a weight need not be an input, from 8 on there are functions of the model's own."""

FIRST_WITHOUT_CONSUMED = 6
"""Opset from which no operator has the attribute consumed_inputs, a hint about memory."""

_STANDARD = ("", "ai.onnx")


def opset_of(model: OnnxModel) -> int:
    """The opset of a model's standard operators."""
    return next((int(item.version) for item in model.opset_import if item.domain in _STANDARD), 1)


def current(model: OnnxModel, shapes: Mapping[str, Shape]) -> tuple[list[OnnxNode], OnnxModel]:
    """A model's nodes in the forms of OPSET (of its own opset, if that is newer), and an empty model for them.

    `model` is left as it is, no weight is copied. Raises ValueError where an old form is not available.
    """
    opset = opset_of(model)
    frame = onnx.ModelProto()
    frame.ir_version = max(model.ir_version, IR_VERSION)
    frame.opset_import.append(helper.make_opsetid("", max(opset, OPSET)))
    frame.opset_import.extend(item for item in model.opset_import if item.domain not in _STANDARD)
    frame.functions.extend(model.functions)
    if any(_is_old(node, opset) for node in model.graph.node):
        return _Upgrade(model, shapes, opset).made, frame
    return list(model.graph.node), frame


def _is_old(node: OnnxNode, opset: int) -> bool:
    """Whether the node, or one inside it, is in a form that has to be changed."""
    if node.domain in _STANDARD:
        rule = RULES.get(node.op_type)
        if opset < FIRST_WITHOUT_CONSUMED or node.domain or (rule is not None and opset < rule.below):
            return True
    return any(_is_old(inner, opset) for graph in subgraphs(node) for inner in graph.node)


class _Upgrade:
    """A graph while its nodes are changed, in their order; the graphs inside it see its types."""

    def __init__(self, model: OnnxModel, shapes: Mapping[str, Shape], opset: int) -> None:
        graph = model.graph
        weights = {tensor.name for tensor in graph.initializer}
        inputs = [with_shape(value, shapes) for value in graph.input if value.name not in weights]
        self._opset = opset
        self._small = {tensor.name: tensor for tensor in graph.initializer if tensor.ByteSize() <= SKELETON_MAX_BYTES}
        known = inferred(model, graph.node, inputs, [], graph.initializer, follow=False).graph
        self._types: Types = _types_in(known) | {tensor.name: type_of(tensor) for tensor in graph.initializer}
        self.made = self._changed(known.node)

    def _changed(self, nodes: Iterable[OnnxNode]) -> list[OnnxNode]:
        """The nodes in their current forms; those that stay are changed in place where graphs in them are not."""
        made = []
        for node in nodes:
            for new in self._one(node) if node.domain in _STANDARD else [node]:
                self._learn(new)
                made.append(new)
        return made

    def _one(self, node: OnnxNode) -> list[OnnxNode]:
        node.domain = ""
        for attribute in list(node.attribute):
            if attribute.name == "consumed_inputs" and self._opset < FIRST_WITHOUT_CONSUMED:
                node.attribute.remove(attribute)
        for graph in subgraphs(node):
            self._inside(graph)
        rule = RULES.get(node.op_type)
        if rule is None or self._opset >= rule.below:
            return [node]
        old = OldNode(node, self._types, self._small, self._opset)
        try:
            rule.change(old)
        except ValueError as error:
            raise ValueError(f"{node.op_type}, opset {self._opset} (node {label(node)}): {error}") from error
        return old.made

    def _inside(self, graph: Any) -> None:
        """Changes the nodes of a graph that a node carries; its names hide those outside."""
        types, small = self._types, self._small
        self._types, self._small = {**types, **_types_in(graph)}, dict(small)
        for tensor in graph.initializer:
            self._types[tensor.name] = type_of(tensor)
            self._small[tensor.name] = tensor
        made = self._changed(graph.node)
        del graph.node[:]
        graph.node.extend(made)
        self._types, self._small = types, small

    def _learn(self, node: OnnxNode) -> None:
        """The types that a node's results have; its own opset may have no inference for it."""
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            self._small[node.output[0]] = node.attribute[0].t
        if node.domain or all(not name or _has_rank(self._types.get(name)) for name in node.output):
            return
        known = {name: self._types[name] for name in node.input if name in self._types}
        data = {name: self._small[name] for name in node.input if name in self._small}
        try:
            schema = defs.get_schema(node.op_type, OPSET)
            imports = [helper.make_opsetid("", OPSET)]
            self._types |= shape_inference.infer_node_outputs(schema, node, known, data, opset_imports=imports)
        except Exception as error:  # what is not known is asked for by the rule that needs it
            raise_out_of_memory(error)
            return


def _types_in(graph: Any) -> Types:
    values = (*graph.value_info, *graph.input, *graph.output)
    return {value.name: value.type for value in values if value.type.tensor_type.elem_type}


def _has_rank(type_: Any) -> bool:
    return type_ is not None and type_.tensor_type.HasField("shape")
