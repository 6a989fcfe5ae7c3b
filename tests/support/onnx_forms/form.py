"""A form of an operator: one opset, one set of attributes, inputs of certain types and shapes: a small model."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import defs, helper, numpy_helper, shape_inference

Array = npt.NDArray[Any]

TYPES = ("float32", "float16", "int64", "int32", "uint8", "bool", "float64", "int8")
"""Types that are compared; models seldom have others."""


@dataclass(frozen=True)
class Form:
    operator: str
    opset: int
    inputs: tuple[Array | None, ...]
    fixed: frozenset[int] = frozenset()  # places of the inputs that are constants
    outputs: int = 1
    attributes: dict[str, Any] = field(default_factory=dict)
    body: Any = None  # a whole ModelProto, for what does not fit into one node
    note: str = ""
    domain: str = ""

    @property
    def name(self) -> str:
        """Unique among all forms but for their numbers."""
        told = [f"{self.operator}-{self.opset}", *([self.note] if self.note else [])]
        told += [f"{key}={_short(value)}" for key, value in sorted(self.attributes.items())]
        told += [_operand(item, place in self.fixed) for place, item in enumerate(self.inputs)]
        return " ".join([*told, *([f"{self.outputs} outputs"] if self.outputs > 1 else [])])

    def feeds(self) -> dict[str, Array]:
        """The inputs that are no constants, by name."""
        return {f"x{k}": item for k, item in enumerate(self.inputs) if item is not None and k not in self.fixed}

    def model(self) -> Any:
        """The ModelProto. Raises onnx' errors for a form that ONNX does not have."""
        if self.body is not None:
            return self.body
        names = ["" if item is None else f"x{k}" for k, item in enumerate(self.inputs)]
        results = [f"y{k}" for k in range(self.outputs)]
        node = helper.make_node(self.operator, names, results, domain=self.domain, **self.attributes)
        constants = [
            numpy_helper.from_array(item, f"x{k}")
            for k, item in enumerate(self.inputs)
            if item is not None and k in self.fixed
        ]
        return single(node, self.feeds(), constants, self.opset)


def single(node: Any, feeds: dict[str, Array], constants: Sequence[Any], opset: int) -> Any:
    """A model of one node, its result types as onnx infers them."""
    values = [value_of(name, item) for name, item in feeds.items()]
    types = {value.name: value.type for value in values}
    types |= {item.name: helper.make_tensor_type_proto(item.data_type, item.dims) for item in constants}
    imports = [helper.make_opsetid("", opset)]
    if node.domain:
        imports.append(helper.make_opsetid(node.domain, 1))
        made = dict.fromkeys(node.output, types[node.input[0]])
    else:
        schema = defs.get_schema(node.op_type, opset, "")
        data = {item.name: item for item in constants}
        made = shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=imports)
    outputs = [helper.make_value_info(name, made[name]) for name in node.output if name]
    graph = helper.make_graph([node], "form", values, outputs, constants)
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def value_of(name: str, item: Array) -> Any:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(item.dtype), item.shape)


def _operand(item: Array | None, constant: bool) -> str:
    if item is None:
        return "none"
    return f"{'constant ' if constant else ''}{item.dtype}{list(item.shape)}".replace(" ", "" if not constant else " ")


def _short(value: Any) -> str:
    if hasattr(value, "DESCRIPTOR"):
        return str(value.DESCRIPTOR.name)
    text = str(value).replace(" ", "").replace("\n", "")
    return text if len(text) <= 60 else f"{text[:60]}..."


class Operator:
    """An operator as one opset has it: makes its forms, and leaves out those that this opset does not know."""

    def __init__(self, name: str, opset: int) -> None:
        self.name, self.opset = name, opset
        self._drawn = 0
        self.schema = defs.get_schema(name, opset, "")
        self.version: int = self.schema.since_version

    def has(self, attribute: str) -> bool:
        return attribute in self.schema.attributes

    def takes(self, place: int) -> bool:
        """Whether there is an input at this place."""
        return place < self.schema.max_input

    def types(self, place: int = 0) -> list[str]:
        """numpy's names of the types of an input that are compared."""
        given = self.schema.inputs[min(place, len(self.schema.inputs) - 1)].types
        return [kind for kind in TYPES if _onnx_type(kind) in given]

    def form(
        self, *inputs: Array | None, fixed: Sequence[int] = (), outputs: int = 1, note: str = "", **attributes: Any
    ) -> Iterator[Form]:
        """The form, or nothing where this opset has it not."""
        self._drawn = 0
        given = {key: value for key, value in attributes.items() if value is not None}
        if len(inputs) > self.schema.max_input or any(not self.has(key) for key in given):
            return
        if outputs > self.schema.max_output or not self._permitted(inputs):
            return
        kept = list(inputs)
        while kept and kept[-1] is None:
            kept.pop()
        if len(kept) < self.schema.min_input:
            return
        yield Form(self.name, self.opset, tuple(kept), frozenset(fixed), outputs, given, note=note)

    def setting(self, name: str, value: Sequence[int] | None) -> tuple[dict[str, Any], list[Array | None]]:
        """(attributes, inputs) of what older opsets have as an attribute and newer ones as an input."""
        if value is None:
            return {}, []
        if self.has(name):
            return {name: list(value)}, []
        return {}, [np.array(value, "int64")]

    def _permitted(self, inputs: Sequence[Array | None]) -> bool:
        bound: dict[str, str] = {}
        for place, item in enumerate(inputs):
            if item is None:
                continue
            formal = self.schema.inputs[min(place, len(self.schema.inputs) - 1)]
            kind = _onnx_type(str(item.dtype))
            if kind not in formal.types:
                return False
            if formal.is_homogeneous and bound.setdefault(formal.type_str, kind) != kind:
                return False
        return True

    def random(self, *what: object) -> np.random.Generator:
        """Equal forms of two opsets get equal values: what is compiled for one need not be compiled for the other."""
        self._drawn += 1
        return np.random.default_rng(zlib.crc32(repr((self.name, self._drawn, what)).encode()))

    def real(self, *shape: int, low: float = -2.0, high: float = 2.0, dtype: str = "float32") -> Array:
        return np.asarray(self.random(shape, low, high).uniform(low, high, shape), dtype)

    def whole(self, *shape: int, low: int = -9, high: int = 10, dtype: str = "int64") -> Array:
        """Integers from low to high - 1."""
        first = max(low, 0) if np.dtype(dtype).kind == "u" else low
        return np.asarray(self.random(shape, first, high).integers(first, high, shape), dtype)

    def flags(self, *shape: int) -> Array:
        return np.asarray(self.random(shape).integers(0, 2, shape), bool)

    def any(self, *shape: int, dtype: str = "float32", low: float = -2.0, high: float = 2.0) -> Array:
        """Values of whatever type."""
        kind = np.dtype(dtype).kind
        if kind == "f":
            return self.real(*shape, low=low, high=high, dtype=dtype)
        return self.flags(*shape) if kind == "b" else self.whole(*shape, dtype=dtype)


def _onnx_type(kind: str) -> str:
    names = {"float32": "float", "float64": "double"}
    return f"tensor({names.get(kind, kind)})"


def onnx_type(dtype: str) -> int:
    """TensorProto's number of a numpy type."""
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def ints(*values: int) -> Array:
    return np.array(values, "int64")
