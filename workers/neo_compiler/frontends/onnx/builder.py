"""An ONNX graph in the making, for importers whose own format is none that TVM reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import defs, helper, numpy_helper, shape_inference

from neo_compiler.input_config import Shape

OPSET = 17
IR_VERSION = 8
FOLLOWED_ELEMENTS = 64
"""Constants of at most that many elements are shown to shape inference by value: targets of reshapes, axes, pads."""


class Builder:
    """Nodes, constants, and the type of every value so far; what adds something gives back its name."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._types: dict[str, Any] = {}
        self._small: dict[str, Any] = {}

    def input(self, name: str, shape: Shape, dtype: str = "float32") -> str:
        """A value that the caller feeds."""
        value = helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), list(shape))
        self._inputs.append(value)
        self._types[name] = value.type
        return name

    def constant(self, value: Any, dtype: str | None = None) -> str:
        """A weight or a setting."""
        array = np.array(value, dtype=dtype, order="C")
        tensor = numpy_helper.from_array(array, f"constant{len(self._constants)}")
        self._constants.append(tensor)
        self._types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, array.shape)
        if array.size <= FOLLOWED_ELEMENTS:
            self._small[tensor.name] = tensor
        return str(tensor.name)

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The result of an operator with one; inputs left out are ""."""
        return self.add_many(op, 1, *inputs, **attributes)[0]

    def add_many(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """The first `count` results of an operator. Raises ValueError when its inputs do not fit together."""
        names = [f"{op.lower()}{len(self._nodes)}_{index}" for index in range(count)]
        node = helper.make_node(op, list(inputs), names, name=names[0], **attributes)
        self._nodes.append(node)
        known = {name: self._types[name] for name in inputs if name}
        data = {name: self._small[name] for name in inputs if name in self._small}
        try:
            types = shape_inference.infer_node_outputs(
                defs.get_schema(op, OPSET), node, known, data, opset_imports=[helper.make_opsetid("", OPSET)]
            )
        except shape_inference.InferenceError as error:
            shapes = ", ".join(str(self.shape(name)) for name in inputs if name)
            raise ValueError(f"{op} does not take inputs of the shapes {shapes}: {error}") from error
        self._types |= types
        return names

    def shape(self, name: str) -> Shape:
        """Its sizes. Raises ValueError where they hang on values."""
        tensor = self._types[name].tensor_type if name in self._types else None
        if tensor is None or not tensor.HasField("shape") or not all(d.HasField("dim_value") for d in tensor.shape.dim):
            raise ValueError(f"The shape of {name} is not known")
        return tuple(int(dim.dim_value) for dim in tensor.shape.dim)

    def dtype(self, name: str) -> str:
        """numpy's name of its type."""
        return str(helper.tensor_dtype_to_np_dtype(self._types[name].tensor_type.elem_type))

    def cast(self, name: str, dtype: str) -> str:
        """The value as another type."""
        if self.dtype(name) == dtype:
            return name
        return self.add("Cast", name, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshape(self, name: str, sizes: Sequence[int]) -> str:
        """The value in another shape; ONNX's 0 and -1 hold."""
        return self.add("Reshape", name, self.constant(list(sizes), "int64"))

    def slice(self, name: str, axis: int, begin: int, end: int, step: int = 1) -> str:
        """A part of it along one axis."""
        return self.add("Slice", name, *(self.constant([number], "int64") for number in (begin, end, axis, step)))

    def scalar(self, value: float, like: str) -> str:
        """A constant without dimensions, of the type of `like`."""
        return self.constant(value, self.dtype(like))

    def model(self, outputs: Mapping[str, str]) -> Any:
        """The finished ModelProto; `outputs` maps the model's names to what was made here."""
        nodes = [*self._nodes, *(helper.make_node("Identity", [made], [name]) for name, made in outputs.items())]
        values = [helper.make_value_info(name, self._types[made]) for name, made in outputs.items()]
        graph = helper.make_graph(nodes, "main", self._inputs, values, self._constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
