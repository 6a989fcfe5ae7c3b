"""What an ONNX model computes, by ONNX Runtime made exact on every CPU: the reference that artifacts are held against.

ONNX Runtime's own settings do not suffice. Its kernels for products of bytes saturate or wrap in 16 bits on some CPUs:
uint8 by int8 on x86 without VNNI (vpmaddubsw), int8 by int8 on Arm without dot products (smlal). Its remedy,
`session.x64quantprecision`, is a pass of its optimiser: it sees constant weights only, not QLinearMatMul of opset 21,
and nothing at all where the optimiser is off. And the optimiser makes whole numbers of what a model says in floats.
So nothing is optimised here, and every product of bytes is one of uint8 by uint8, which is exact on all CPUs.

Source: ONNX Runtime's session options, mlas/lib/platform.cpp and optimizer/qdq_transformer/avx2_weight_s8_to_u8.cc.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, inliner, numpy_helper, shape_inference

from neo_compiler.frontends.base import Array
from neo_compiler.tvm_types import OnnxGraph, OnnxModel, OnnxNode

STANDARD = ("", "ai.onnx")
SHIFT = 128
"""Between an int8 and the uint8 of the same bits, its highest turned."""


Source = str | bytes | OnnxModel
"""A file's path, its bytes, or a ModelProto."""


@dataclass(frozen=True)
class Product:
    """Where an operator that multiplies bytes has them: (place of a factor, place of its zero point)."""

    factors: tuple[tuple[int, int], ...]
    result_zero: int | None = None  # place of the result's zero point, where that is bytes, too


INTEGER, QLINEAR = Product(((0, 2), (1, 3))), Product(((0, 2), (3, 5)), 7)
PRODUCTS = {"MatMulInteger": INTEGER, "ConvInteger": INTEGER, "QLinearMatMul": QLINEAR, "QLinearConv": QLINEAR}


def run_reference(model: Source, inputs: Mapping[str, Array]) -> list[Array]:
    """What ONNX Runtime computes, or ONNX's own evaluator where that is not installed."""
    try:
        exact = session(model)
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        return list(ReferenceEvaluator(model).run(None, dict(inputs)))
    return list(exact.run(None, dict(inputs)))


def session(model: Source) -> Any:
    """An onnxruntime.InferenceSession that is exact, and not fast.

    Raises ImportError without ONNX Runtime, ValueError for a product of tensors of unknown types.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    read = _read(model)
    if any(_is_product(node) for graph in _graphs(read) for node in graph.node):
        if isinstance(model, str):
            folder = str(Path(model).parent.resolve())
            options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
        model = unsigned(read)
    text = model if isinstance(model, str | bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(text, options, providers=["CPUExecutionProvider"])


def _read(model: Source) -> OnnxModel:
    if isinstance(model, str):
        return onnx.load(model, load_external_data=False)
    return onnx.load_from_string(model) if isinstance(model, bytes) else model


def unsigned(model: OnnxModel) -> OnnxModel:
    """The same model with uint8 in place of int8 in every product of bytes: 128 is added to numbers and zero points.

    Raises ValueError for a factor whose type is not known.
    """
    flat = inliner.inline_local_functions(model) if model.functions else model
    typed = shape_inference.infer_shapes(flat)
    _rewrite(typed.graph, {})
    return typed


def _graphs(model: OnnxModel) -> Iterator[Any]:
    """The graph, all that are nested in it, and the bodies of functions."""
    left = [model.graph, *model.functions]
    while left:
        graph = left.pop()
        yield graph
        left.extend(inner for node in graph.node for inner in _inner(node))


def _inner(node: OnnxNode) -> list[OnnxGraph]:
    """The graphs in a node's attributes."""
    graphs = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return graphs + [graph for attribute in node.attribute for graph in attribute.graphs]


def _is_product(node: OnnxNode) -> bool:
    return node.op_type in PRODUCTS and node.domain in STANDARD


def _rewrite(graph: OnnxGraph, outer: Mapping[str, int]) -> None:
    values = (*graph.input, *graph.value_info, *graph.output)
    types = {**outer, **{value.name: value.type.tensor_type.elem_type for value in values}}
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        for inner in _inner(node):
            _rewrite(inner, types)
        nodes += _Unsigned(node, types).nodes if _is_product(node) else [node]
    del graph.node[:]
    graph.node.extend(nodes)


class _Unsigned:
    """A product's node with uint8 in place of int8, and the nodes before and after it."""

    def __init__(self, node: OnnxNode, types: Mapping[str, int]) -> None:
        self.nodes: list[OnnxNode] = []
        self._node, self._types, self._name = node, types, f"{node.output[0]}/unsigned"
        product = PRODUCTS[node.op_type]
        inputs = self._inputs(product)
        place = product.result_zero
        if place is None or not self._is_signed(inputs[place]):
            self._product(inputs, node.output[0])
            return
        inputs[place] = self._shifted(inputs[place])
        self._product(inputs, f"{self._name}/result")
        wide = self._add("Cast", f"{self._name}/result", to=TensorProto.INT32)
        moved = self._add("Sub", wide, self._constant(SHIFT, "int32"))
        self.nodes.append(helper.make_node("Cast", [moved], node.output, to=TensorProto.INT8))

    def _inputs(self, product: Product) -> list[str]:
        """The node's, with both factors uint8."""
        places = 1 + max(zero for _, zero in product.factors)
        inputs = [*self._node.input, *[""] * (places - len(self._node.input))]
        for value, zero in product.factors:
            if self._is_signed(inputs[value]):
                inputs[value] = self._shifted(inputs[value])
                inputs[zero] = self._shifted(inputs[zero]) if inputs[zero] else self._constant(SHIFT, "uint8")
        return inputs

    def _product(self, inputs: list[str], output: str) -> None:
        made = helper.make_node(self._node.op_type, inputs, [output], self._node.name, domain=self._node.domain)
        made.attribute.extend(self._node.attribute)
        self.nodes.append(made)

    def _is_signed(self, name: str) -> bool:
        kind = self._types.get(name, TensorProto.UNDEFINED)
        if kind == TensorProto.UNDEFINED:
            raise ValueError(f"{self._node.op_type} reads {name}, whose type is not known")
        return bool(kind == TensorProto.INT8)

    def _shifted(self, name: str) -> str:
        wide = self._add("Cast", name, to=TensorProto.INT32)
        moved = self._add("Add", wide, self._constant(SHIFT, "int32"))
        return self._add("Cast", moved, to=TensorProto.UINT8)

    def _constant(self, value: int, dtype: str) -> str:
        return self._add("Constant", value=numpy_helper.from_array(np.array(value, dtype)))

    def _add(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{self._name}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name, **attributes))
        return name
