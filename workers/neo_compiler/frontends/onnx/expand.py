"""Operators that TVM's frontend lacks, written down with operators that it has: by ONNX's own definitions, or by ours.

Source: the function bodies in the onnx package's schemas; ONNX operators for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import onnx
from onnx import defs

from neo_compiler.frontends.onnx import (
    fourier,
    normal,
    padding,
    pooling,
    quantized,
    resize,
    rewrite,
    slices,
)
from neo_compiler.frontends.onnx import (
    types as onnx_types,
)
from neo_compiler.frontends.onnx.graph import label, renamed, subgraphs
from neo_compiler.frontends.onnx.nodes import Rewrite
from neo_compiler.frontends.onnx.opset import OPSET
from neo_compiler.tvm_types import OnnxNode

FUNCTIONS = frozenset(
    {
        *("Attention", "Bernoulli", "BlackmanWindow", "CausalConvWithState", "Celu", "CenterCropPad"),
        *("GroupNormalization", "HammingWindow", "HannWindow", "LinearAttention", "MeanVarianceNormalization"),
        *(
            "NegativeLogLikelihoodLoss",
            "RMSNormalization",
            "RotaryEmbedding",
            "SoftmaxCrossEntropyLoss",
            "SwiGLU",
            "Swish",
            "Shrink",  # TVM makes a vector of a number
            "ThresholdedRelu",  # TVM's makes NaN of infinity below the threshold
        ),
    }
)
"""Operators whose definition in the onnx package is used instead of a converter."""

ONE_RESULT = frozenset({"LayerNormalization"})
"""TVM's converters of these give only the first result, and none of float64."""

FLOAT32_ONLY = frozenset({"Elu", "Selu", "HardSigmoid"})
"""TVM's converters of these compute with float32 constants whatever the input is."""

REWRITES: dict[str, Rewrite] = {
    **quantized.REWRITES,
    **fourier.REWRITES,
    **rewrite.REWRITES,
    **resize.REWRITES,
    **padding.REWRITES,
    **pooling.REWRITES,
    **normal.REWRITES,
    **slices.REWRITES,
    **onnx_types.REWRITES,
}
"""Operators with a definition of our own."""

STANDARD = ("", "ai.onnx")


def expanded(node: OnnxNode, types: Mapping[str, Any], constant: Callable[[str], Any]) -> list[OnnxNode] | None:
    """The nodes that compute what `node` does; None where it stays as it is.

    `types` are TypeProtos by name, `constant` gives a constant's array or None. Raises ValueError where an operator has
    a form that is not available.
    """
    if node.domain not in (*STANDARD, "com.microsoft") or any(name and name not in types for name in node.input):
        return None
    if node.op_type in REWRITES:
        try:
            made = REWRITES[node.op_type](node, types, constant)
        except ValueError as error:
            raise ValueError(f"{node.op_type} (node {label(node)}): {error}") from error
        if made is not None:
            return made
    if node.domain in STANDARD and (node.op_type in FUNCTIONS or _beyond_the_frontend(node, types)):
        return by_definition(node, types)
    return None


def _beyond_the_frontend(node: OnnxNode, types: Mapping[str, Any]) -> bool:
    """Whether TVM's converter knows the operator, but not in this form."""
    if node.op_type in ONE_RESULT:
        wide = types[node.input[0]].tensor_type.elem_type == onnx.TensorProto.DOUBLE
        return wide or len([name for name in node.output if name]) > 1
    kinds = (onnx.TensorProto.FLOAT, onnx.TensorProto.UNDEFINED)
    return node.op_type in FLOAT32_ONLY and types[node.input[0]].tensor_type.elem_type not in kinds


def by_definition(node: OnnxNode, types: Mapping[str, Any]) -> list[OnnxNode]:
    """The body of the operator's function: its inner names made unique, its parameters and attributes `node`'s."""
    schema = defs.get_schema(node.op_type, OPSET, "")
    function = onnx.FunctionProto()
    if schema.has_context_dependent_function:
        version = _newest(schema.context_dependent_function_opset_versions)
        given = [types.get(name, onnx.TypeProto()).SerializeToString() for name in node.input]
        text = schema.get_context_dependent_function_with_opset_version(version, node.SerializeToString(), given)
    else:
        text = schema.get_function_with_opset_version(_newest(schema.function_opset_versions))
    function.ParseFromString(text)
    prefix = f"{label(node)}/"
    names = {name: prefix + name for inner in function.node for name in inner.output if name}
    names |= dict.fromkeys(function.input, "") | dict(zip(function.input, node.input, strict=False))
    names |= {formal: name for formal, name in zip(function.output, node.output, strict=False) if name}
    values = {item.name: item.default_value for item in schema.attributes.values() if item.default_value.name}
    values |= {item.name: item for item in node.attribute}
    body = [renamed(inner, names, prefix) for inner in function.node]
    for inner in body:
        _fill_attributes(inner, values)
    return body


def _newest(versions: list[int]) -> int:
    """The newest definition that OPSET may use."""
    return max((version for version in versions if version <= OPSET), default=min(versions))


def _fill_attributes(node: OnnxNode, values: Mapping[str, Any]) -> None:
    """Puts the caller's attributes where the function's nodes refer to them; those that the caller lacks go."""
    kept = []
    for attribute in node.attribute:
        copy = onnx.AttributeProto()
        if attribute.ref_attr_name:
            if attribute.ref_attr_name not in values:
                continue
            copy.CopyFrom(values[attribute.ref_attr_name])
            copy.name = attribute.name
        else:
            copy.CopyFrom(attribute)
        kept.append(copy)
    for graph in subgraphs(node):
        for inner in graph.node:
            _fill_attributes(inner, values)
    del node.attribute[:]
    node.attribute.extend(kept)
