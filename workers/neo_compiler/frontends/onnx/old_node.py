"""A node of an older opset: what the rules that bring it to the newest see of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from onnx import helper, numpy_helper

from neo_compiler.frontends.onnx.nodes import Nodes
from neo_compiler.tvm_types import OnnxNode


class OldNode(Nodes):
    """A node of an older opset, and the nodes in the making that take its place."""

    def __init__(self, node: OnnxNode, types: Mapping[str, Any], small: Mapping[str, Any], opset: int) -> None:
        super().__init__(node, types)
        self.opset = opset
        self._small = small

    def become(self, op: str, *inputs: str, **attributes: Any) -> None:
        """The node under its own name, with its own results."""
        given = list(inputs)
        while given and not given[-1]:
            given.pop()
        self.made.append(helper.make_node(op, given, list(self._node.output), self._node.name, **attributes))

    def inputs(self) -> list[str]:
        """The names of the node's inputs, "" for omitted ones."""
        return list(self._node.input)

    def outputs(self) -> list[str]:
        """The names of the node's results, "" for omitted ones."""
        return list(self._node.output)

    def op(self) -> str:
        """The node's operator, such as "Upsample"."""
        return str(self._node.op_type)

    def known_rank(self, place: int) -> int | None:
        """The number of dimensions of an input, None if it is unknown."""
        type_ = self._types.get(self.input(place))
        if type_ is None or not type_.tensor_type.HasField("shape"):
            return None
        return len(type_.tensor_type.shape.dim)

    def rank(self, place: int) -> int:
        """Raises ValueError when it is not known."""
        rank = self.known_rank(place)
        if rank is None:
            raise ValueError(f"the number of dimensions of {self.input(place)} is not known")
        return rank

    def like(self, value: float, place: int) -> str:
        """A scalar of an input's type."""
        if self.input(place) in self._types:
            return self.constant(value, self.dtype(place))
        return self.add("CastLike", self.constant(value, "float32"), self.input(place))

    def inner(self, name: str) -> str:
        """A name for something inside the node."""
        return f"{self._prefix}/{name}"

    def value(self, place: int) -> Any:
        """The array of a small constant, None where it is computed or left out."""
        tensor = self._small.get(self.input(place))
        return None if tensor is None else numpy_helper.to_array(tensor)


@dataclass(frozen=True)
class Rule:
    """`change` makes the newest form of an operator from that of any opset below `below`. It raises ValueError."""

    below: int
    change: Callable[[OldNode], None]
