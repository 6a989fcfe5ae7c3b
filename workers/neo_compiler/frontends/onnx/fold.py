"""Makes an ONNX model static: known shapes, folded constants, resolved branches. Needs only onnx and numpy.

TVM's frontend refuses most real exports otherwise: it wants the target of a Reshape, the axes of a Squeeze or the
pads of a Pad as constants, while exporters compute them with Shape, Gather and Concat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from neo_compiler.errors import raise_out_of_memory
from neo_compiler.frontends.onnx.control_flow import both, chosen, is_choice, unrolled_loop, unrolled_scan
from neo_compiler.frontends.onnx.expand import expanded
from neo_compiler.frontends.onnx.graph import Inlined, dense, live_nodes, reads, subgraphs, with_rank, with_shape
from neo_compiler.frontends.onnx.infer import inferred, type_of
from neo_compiler.frontends.onnx.opset import current
from neo_compiler.input_config import MAX_ELEMENTS, Shape
from neo_compiler.tvm_types import OnnxModel, OnnxNode

Array = npt.NDArray[Any]

MAX_ROUNDS = 16
FOLD_MAX_BYTES = 4 << 20
"""A folded result may be that big, or as big as what it was made of."""

MAX_CONSTANT_ELEMENTS = 1 << 28
"""Largest constant that is not in the model's file but would be computed from it: 1 GiB of float32."""

MAX_FOLLOWED_ELEMENTS = 1 << 16

NOT_FOLDED = frozenset(
    {
        *("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"),
        "Dropout",  # in training
        *("Loop", "Scan", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
    }
)
"""Random numbers stay random; quantisation stays visible to TVM."""

NOT_COMPUTED = frozenset(
    kind
    for name, kind in onnx.TensorProto.DataType.items()
    if name.startswith(("FLOAT8", "FLOAT4", "INT4", "UINT4", "INT2", "UINT2", "STRING", "COMPLEX"))
)
"""Types of TensorProto that may stand in weights which are folded away, but in nothing that is computed."""

kind_name = onnx.TensorProto.DataType.Name

_STANDARD = ("", "ai.onnx")


def fold(model: OnnxModel, shapes: Mapping[str, Shape]) -> OnnxModel:
    """A new model of the current opset with the inputs of `shapes`, everything folded that no input changes.

    `model` is left as it is.

    Raises ValueError for a value that is too big to be compiled, and for an old form that is not available.
    """
    folder = _Folder(model, shapes)
    for _ in range(MAX_ROUNDS):
        if not folder.round() and not folder.branch():
            break
    folder.check_refused()
    folder.check_sizes()
    folder.check_choices()
    folder.check_types()
    return folder.model()


class _Folder:
    """The graph while it shrinks: nodes, constants by name, and the shapes known so far."""

    def __init__(self, model: OnnxModel, shapes: Mapping[str, Shape]) -> None:
        self._original = model
        self._nodes, self._frame = current(model, shapes)
        self._tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self._arrays: dict[str, Array] = {}
        self._inputs = [with_shape(v, shapes) for v in model.graph.input if v.name not in self._tensors]
        self._outputs = [with_rank(v) for v in model.graph.output]
        self._output_names = {value.name for value in model.graph.output}
        self._types: dict[str, Any] = {}  # TypeProtos
        self._branching = False
        self._follow = False
        self._refusal: ValueError | None = None
        self._shapes = self._known_shapes()
        self.check_sizes()
        self._follow = self._small_vectors()

    def round(self) -> bool:
        """One pass over the nodes. Gives back whether the graph changed."""
        self._shapes = self._known_shapes()
        self._refusal, before = None, self._nodes
        self._nodes = live_nodes([kept for node in before for kept in self._visit(node)], self._output_names)
        return len(before) != len(self._nodes) or any(a is not b for a, b in zip(before, self._nodes, strict=True))

    def branch(self) -> bool:
        """Both branches of each If whose condition will never be known. Gives back whether there was one."""
        self._branching = True
        changed = self.round()
        self._branching = False
        return changed

    def check_refused(self) -> None:
        """Raises the ValueError of an operator that the last round could not rewrite."""
        if self._refusal is not None:
            raise self._refusal

    def check_sizes(self) -> None:
        """Raises ValueError for a value of more than MAX_ELEMENTS, and for a constant that TVM would compute: of more
        than MAX_CONSTANT_ELEMENTS."""
        fixed = self._fixed()
        for node in self._nodes:
            for name in filter(None, node.output):
                limit = MAX_CONSTANT_ELEMENTS if name in fixed else MAX_ELEMENTS
                elements = math.prod(self._shapes.get(name, []))
                if elements > limit:
                    raise ValueError(f"{node.op_type} makes {name} of {elements} elements; the most allowed is {limit}")

    def check_choices(self) -> None:
        """Raises ValueError for an If whose branches give results of different shapes."""
        for node in self._nodes:
            if is_choice(node):
                yes, no = (self._shapes.get(name) for name in node.input[1:])
                if yes is None or yes != no:
                    raise ValueError(f"If: its branches make {node.output[0]} of the shapes {yes} and {no}")

    def check_types(self) -> None:
        """Raises ValueError for a value of a type that TVM would compute wrongly, or not at all."""
        for node in self._nodes:
            for name in (*node.input, *node.output):
                kind = self._types[name].tensor_type.elem_type if name in self._types else 0
                if kind in NOT_COMPUTED:
                    raise ValueError(f"{node.op_type} makes or reads {name} of the type {kind_name(kind)}")

    def _fixed(self) -> set[str]:
        """The values that nodes make of nothing but constants."""
        constant, fixed = {*self._tensors, *self._arrays}, set[str]()
        for node in self._nodes:
            if node.op_type not in NOT_FOLDED and all(name in constant or name in fixed for name in node.input if name):
                fixed.update(filter(None, node.output))
        return fixed

    def _small_vectors(self) -> bool:
        """Whether onnx may follow the values of vectors through the graph: it keeps each element as a message."""
        sizes = [self._shapes.get(name, []) for name in self._fixed()]
        return sum(shape[0] for shape in sizes if len(shape) == 1) <= MAX_FOLLOWED_ELEMENTS

    def model(self) -> OnnxModel:
        """The folded model, its value types inferred."""
        graph = helper.make_graph(
            self._nodes, self._original.graph.name or "main", self._inputs, self._outputs, self._live_constants()
        )
        model = helper.make_model(
            graph,
            opset_imports=self._frame.opset_import,
            ir_version=self._frame.ir_version,
            functions=self._frame.functions,
        )
        typed = {value.name: value for value in self._infer().graph.output}
        for value in model.graph.output:
            if value.name in typed:
                value.CopyFrom(typed[value.name])
        return model

    def _visit(self, node: OnnxNode) -> list[OnnxNode]:
        """The nodes that take `node`'s place; none when its results became constants."""
        inlined = self._without_control_flow(node) if node.domain in _STANDARD else None
        if inlined is not None:
            self._tensors |= {tensor.name: tensor for tensor in inlined.tensors}
            return inlined.nodes
        results = self._evaluate(node)
        if results is None:
            return self._rewritten(node)
        self._arrays |= {name: array for name, array in zip(node.output, results, strict=False) if name}
        return []

    def _rewritten(self, node: OnnxNode) -> list[OnnxNode]:
        """The node, or what is written for it. What is refused may be known well enough in a later round."""
        try:
            other = expanded(node, self._types, self._constant)
        except ValueError as error:
            self._refusal = self._refusal or error
            return [node]
        return [node] if other is None else other

    def _without_control_flow(self, node: OnnxNode) -> Inlined | None:
        """What an If, Loop or Scan comes to, None where that hangs on values."""
        if node.op_type == "If":
            if self._is_constant(node.input[0]):
                return chosen(node, bool(np.ravel(self._array(node.input[0]))[0]))
            return both(node) if self._branching else None
        if node.op_type == "Loop":
            count, on = (self._constant(name) if name else None for name in node.input[:2])
            if on is not None and not np.all(on):
                return unrolled_loop(node, 0)
            if count is None or (on is None and node.input[1]):
                return None
            return unrolled_loop(node, max(0, int(np.ravel(count)[0])))
        return unrolled_scan(node, self._shapes) if node.op_type == "Scan" else None

    def _constant(self, name: str) -> Array | None:
        return self._array(name) if self._is_constant(name) else None

    def _evaluate(self, node: OnnxNode) -> list[Array] | None:
        """The node's results when nothing but constants goes in, else None."""
        if node.domain not in _STANDARD or node.op_type in NOT_FOLDED or list(subgraphs(node)):
            return None
        if node.op_type in ("Shape", "Size"):
            return self._shape_of(node)
        names = [name for name in node.input if name]
        if not names and node.op_type != "Constant":
            return None
        if not all(map(self._is_constant, names)) or self._would_grow(node):
            return None
        arrays = {name: self._array(name) for name in dict.fromkeys(names)}
        sparse = [item.sparse_tensor for item in node.attribute if item.name == "sparse_value"]
        try:
            results = [dense(sparse[0])] if sparse else self._run(node, arrays)
        except Exception as error:  # whatever the evaluator lacks stays in the graph
            raise_out_of_memory(error)
            return None
        room = max(FOLD_MAX_BYTES, sum(array.nbytes for array in arrays.values()))
        fits = node.op_type == "Constant" or sum(array.nbytes for array in results) <= room
        return results if fits else None

    def _shape_of(self, node: OnnxNode) -> list[Array] | None:
        shape = self._shapes.get(node.input[0])
        if shape is None:
            return None
        if node.op_type == "Size":
            return [np.array(int(np.prod(shape, dtype=np.int64)), "int64")]
        limits = {attribute.name: attribute.i for attribute in node.attribute}
        return [np.array(shape[limits.get("start", 0) : limits.get("end", len(shape))], "int64")]

    def _would_grow(self, node: OnnxNode) -> bool:
        """Whether an output is already known to be too big: it must not even be tried."""
        return any(
            int(np.prod(self._shapes[name], dtype=np.float64)) > 16 * FOLD_MAX_BYTES
            for name in node.output
            if name in self._shapes
        )

    def _run(self, node: OnnxNode, arrays: dict[str, Array]) -> list[Array]:
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in arrays.items()
        ]
        outputs = [helper.make_tensor_value_info(name, 0, None) for name in node.output if name]
        graph = helper.make_graph([node], "fold", inputs, outputs)
        model = helper.make_model(graph, opset_imports=self._frame.opset_import)
        results = iter(ReferenceEvaluator(model).run(None, arrays))
        return [np.asarray(next(results)) if name else np.empty(0) for name in node.output]

    def _is_constant(self, name: str) -> bool:
        return name in self._arrays or name in self._tensors

    def _array(self, name: str) -> Array:
        if name not in self._arrays:
            self._arrays[name] = numpy_helper.to_array(self._tensors[name])
        return self._arrays[name]

    def _known_shapes(self) -> dict[str, list[int]]:
        graph = self._infer().graph
        shapes = {name: list(tensor.dims) for name, tensor in self._tensors.items()}
        shapes |= {name: list(array.shape) for name, array in self._arrays.items()}
        self._types = {name: type_of(tensor) for name, tensor in self._tensors.items()}
        for name, array in self._arrays.items():
            kind = helper.np_dtype_to_tensor_dtype(array.dtype)
            self._types[name] = helper.make_tensor_type_proto(kind, array.shape)
        for value in (*graph.value_info, *graph.input, *graph.output):
            tensor = value.type.tensor_type
            if tensor.elem_type:
                self._types.setdefault(value.name, value.type)
            if tensor.HasField("shape") and all(dim.HasField("dim_value") for dim in tensor.shape.dim):
                shapes.setdefault(value.name, [dim.dim_value for dim in tensor.shape.dim])
        return shapes

    def _infer(self) -> OnnxModel:
        """The graph without big weights, with every shape that onnx can infer."""
        return inferred(self._frame, self._nodes, self._inputs, self._outputs, self._live_constants(), self._follow)

    def _live_constants(self) -> list[Any]:
        """The constants that are still read, as tensors."""
        used = set(self._output_names)
        for node in self._nodes:
            used |= reads(node)
        tensors = [tensor for name, tensor in self._tensors.items() if name in used]
        made = [name for name in self._arrays if name in used and name not in self._tensors]
        return [*tensors, *(numpy_helper.from_array(np.array(self._arrays[name]), name) for name in made)]
