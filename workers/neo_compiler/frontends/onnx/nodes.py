"""What operators are rewritten with: nodes in the making that take another node's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from neo_compiler.frontends.onnx.graph import label
from neo_compiler.tvm_types import OnnxNode

Constant = Callable[[str], Any]
"""A name -> the constant's array, None where it is computed."""

Rewrite = Callable[[OnnxNode, Mapping[str, Any], Constant], "list[OnnxNode] | None"]
"""(node, TypeProtos by name, constants) -> the nodes instead, None where it stays. Raises ValueError."""


class Nodes:
    """Nodes in the making, all named after the one that they replace."""

    def __init__(self, node: OnnxNode, types: Mapping[str, Any]) -> None:
        self.made: list[OnnxNode] = []
        self._node, self._types = node, types
        self._prefix = label(node)

    def add(self, op: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Adds a node with one result. Returns the result's name, `output` or a generated one."""
        name = output or f"{self._prefix}/{op}{len(self.made)}"
        self.made.append(helper.make_node(op, list(inputs), [name], f"{self._prefix}/{len(self.made)}", **attributes))
        return name

    def add_all(self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        """A node with results of these names."""
        self.made.append(helper.make_node(op, inputs, outputs, f"{self._prefix}/{len(self.made)}", **attributes))

    def constant(self, value: Any, dtype: str) -> str:
        """Adds a Constant of numpy type `dtype`. Returns its name."""
        tensor = numpy_helper.from_array(np.array(value, dtype))
        return self.add("Constant", value=tensor)

    def input(self, place: int) -> str:
        """Its name, "" when it is left out."""
        return str(self._node.input[place]) if place < len(self._node.input) else ""

    def shape(self, place: int) -> list[int]:
        """Raises ValueError when it is not known."""
        return self._sizes(self.input(place))

    def result_shape(self, place: int) -> list[int]:
        """Raises ValueError when it is not known."""
        return self._sizes(str(self._node.output[place]))

    def _sizes(self, name: str) -> list[int]:
        type_ = self._types.get(name)
        dims = type_.tensor_type.shape.dim if type_ is not None else ()
        known = type_ is not None and type_.tensor_type.HasField("shape")
        if not known or not all(dim.HasField("dim_value") for dim in dims):
            raise ValueError(f"{self._node.op_type} needs known shapes, that of {name} is not")
        return [dim.dim_value for dim in dims]

    def empty(self, place: int) -> bool:
        """Whether an input is known to have no elements."""
        dims = self._types[self.input(place)].tensor_type.shape.dim
        return any(dim.HasField("dim_value") and dim.dim_value == 0 for dim in dims)

    def kind(self, place: int) -> int:
        """The TensorProto type of an input."""
        return int(self._types[self.input(place)].tensor_type.elem_type)

    def attributes(self) -> dict[str, Any]:
        """The replaced node's attributes by name, as Python values."""
        return {item.name: helper.get_attribute_value(item) for item in self._node.attribute}

    def output(self) -> str:
        """The name of the replaced node's first result."""
        return str(self._node.output[0])

    def whole(self, value: str, zero_point: str, axis: int | None, rank: int, kind: int = TensorProto.INT32) -> str:
        """Integers as another type, less their zero point (one, or one per place of `axis`)."""
        wide = self.add("Cast", value, to=kind)
        if not zero_point:
            return wide
        zero = self.add("Cast", zero_point, to=kind)
        if axis is not None and len(self._types[zero_point].tensor_type.shape.dim) == 1:
            sizes = [1] * rank
            sizes[axis] = -1
            zero = self.add("Reshape", zero, self.constant(sizes, "int64"))
        return self.add("Sub", wide, zero)

    def dtype(self, place: int) -> str:
        """numpy's name of an input's type."""
        return str(helper.tensor_dtype_to_np_dtype(self.kind(place)))
