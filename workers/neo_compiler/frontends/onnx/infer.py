"""Types and shapes of an ONNX graph's values, inferred without its big weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import onnx
from onnx import helper, shape_inference

from neo_compiler.errors import raise_out_of_memory
from neo_compiler.tvm_types import OnnxModel, OnnxTensor

SKELETON_MAX_BYTES = 1024
"""Bigger constants are shown to shape inference by type and shape only, so that it copies no weights."""


def inferred(
    like: OnnxModel,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    tensors: Iterable[OnnxTensor],
    follow: bool,
) -> OnnxModel:
    """A model of these parts, with every type that onnx can infer; opsets and functions are those of `like`.

    `follow` lets onnx follow the values of vectors through the graph.
    """
    small, big = [], []
    for tensor in tensors:
        if tensor.ByteSize() <= SKELETON_MAX_BYTES:
            small.append(tensor)
        else:
            big.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    graph = helper.make_graph(nodes, "skeleton", [*inputs, *big], outputs, small)
    model = helper.make_model(
        graph, opset_imports=like.opset_import, ir_version=like.ir_version, functions=like.functions
    )
    try:
        return shape_inference.infer_shapes(model, data_prop=follow)
    except Exception as error:  # inference of one odd operator must not stop the import
        raise_out_of_memory(error)
        return model


def type_of(tensor: OnnxTensor) -> onnx.TypeProto:
    """The type of a constant."""
    return helper.make_tensor_type_proto(tensor.data_type, tensor.dims)
