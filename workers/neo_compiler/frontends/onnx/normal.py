"""Normalisations in forms that TVM's converters refuse: LRN of any size and rank, LayerNormalization by fewer numbers.

Source: ONNX operators; TVM 0.27, relax.frontend.onnx.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from onnx import TensorProto

from neo_compiler.frontends.onnx.nodes import Constant, Nodes, Rewrite
from neo_compiler.tvm_types import OnnxNode


def _lrn(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """x / (bias + alpha / size * the squares of `size` channels around)^beta. TVM's takes odd sizes, and images."""
    nodes = Nodes(node, types)
    attributes, shape, kind = nodes.attributes(), nodes.shape(0), nodes.kind(0)
    size = attributes["size"]
    if size % 2 and len(shape) == 4 and kind == TensorProto.FLOAT:
        return None
    x = nodes.input(0) if kind == TensorProto.FLOAT else nodes.add("Cast", nodes.input(0), to=TensorProto.FLOAT)
    flat = nodes.constant([shape[0], 1, shape[1], math.prod(shape[2:])], "int64")
    squares = nodes.add("Reshape", nodes.add("Mul", x, x), flat)
    window: dict[str, Any] = {
        "kernel_shape": [size, 1],
        "pads": [(size - 1) // 2, 0, size // 2, 0],
        "count_include_pad": 1,
    }
    means = nodes.add("Reshape", nodes.add("AveragePool", squares, **window), nodes.constant(shape, "int64"))
    scaled = nodes.add("Mul", means, nodes.constant(attributes.get("alpha", 1e-4), "float32"))
    base = nodes.add("Add", scaled, nodes.constant(attributes.get("bias", 1.0), "float32"))
    power = nodes.add("Pow", base, nodes.constant(attributes.get("beta", 0.75), "float32"))
    nodes.add("Cast", nodes.add("Div", x, power), to=kind, output=nodes.output())
    return nodes.made


def _layer_normalization(node: OnnxNode, types: Mapping[str, Any], constant: Constant) -> list[OnnxNode] | None:
    """Scale and bias that are broadcast, in full."""
    nodes = Nodes(node, types)
    shape = nodes.shape(0)
    part = shape[nodes.attributes().get("axis", -1) :]
    places = [place for place in (1, 2) if nodes.input(place)]
    if all(nodes.shape(place) == part for place in places):
        return None
    whole = nodes.constant(part, "int64")
    numbers = [nodes.add("Expand", nodes.input(place), whole) for place in places]
    nodes.add_all("LayerNormalization", [nodes.input(0), *numbers], list(node.output), **nodes.attributes())
    return nodes.made


REWRITES: dict[str, Rewrite] = {"LRN": _lrn, "LayerNormalization": _layer_normalization}
