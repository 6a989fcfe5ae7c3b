"""What our own converters of ONNX operators to relax are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tvm
from tvm import relax

from neo_compiler.frontends.base import Array
from neo_compiler.input_config import Shape
from neo_compiler.tvm_types import Expr


@dataclass(frozen=True)
class Call:
    """A node that is converted: its inputs as expressions, its attributes as TVM's frontend reads them."""

    op: str
    builder: Any  # relax.BlockBuilder
    inputs: Sequence[Expr | None]
    attributes: dict[str, Any]

    def input(self, place: int) -> Expr | None:
        """None for an input that is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def emit(self, expr: Expr) -> Expr:
        """The expression as a variable of known type."""
        return self.builder.emit(expr)

    def shape(self, expr: Expr) -> Shape:
        """Its sizes. Raises ValueError where they are not known."""
        try:
            return tuple(int(size) for size in expr.ty.shape.values)
        except (AttributeError, TypeError) as error:
            raise ValueError("the shape of its input is not known") from error

    def constant(self, expr: Expr) -> Array | None:
        """The value of a constant."""
        if not isinstance(expr, tvm.ir.GenericConst):
            return None
        array: Array = expr.value.numpy()
        return array

    def kernel(self, function: Any, inputs: list[Expr], outputs: list[Any]) -> Expr:
        """The results of a PrimFunc, as a tuple."""
        name = self.builder.get_unique_name(f"{self.op.lower()}_kernel")
        variable = self.builder.add_func(function.with_attr("global_symbol", name), name)
        return self.emit(relax.call_tir(variable, inputs, outputs))

    def integer(self, key: str, default: int | None = None) -> int:
        """The attribute as an int. Raises ValueError if it is absent and there is no default."""
        value = self.attributes.get(key, default)
        if value is None:
            raise ValueError(f"its attribute {key} is missing")
        return int(value)

    def number(self, key: str, default: float | None) -> float | None:
        """The attribute as a float, `default` if it is absent."""
        value = self.attributes.get(key, default)
        return None if value is None else float(value)

    def numbers(self, key: str) -> list[float]:
        """The attribute as a list of floats, [] if it is absent."""
        return [float(item) for item in self.attributes.get(key, ())]

    def text(self, key: str, default: str) -> str:
        """The attribute as text, `default` if it is absent."""
        value = self.attributes.get(key, default)
        return value.decode() if isinstance(value, bytes) else str(value)

    def texts(self, key: str) -> list[str]:
        """The attribute as a list of texts, [] if it is absent."""
        return [item.decode() if isinstance(item, bytes) else str(item) for item in self.attributes.get(key, ())]


Converter = Callable[[Call], Expr]
"""A node -> its result, or a relax.Tuple of its results. Raises ValueError for what is not available."""
