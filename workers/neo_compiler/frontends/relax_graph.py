"""What models of rows and columns have in common: one input [rows, columns] float32, and a graph of relax operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

from neo_compiler.frontends.base import Imported, Tensor
from neo_compiler.input_config import DYNAMIC, ModelInput, Shape, match
from neo_compiler.tvm_types import Expr

Array = npt.NDArray[Any]

INPUT = "data"
DTYPE = "float32"


def input_shape(
    config: dict[str, Shape] | list[Shape] | None, columns: int, name: str = INPUT, dtype: str = DTYPE
) -> Shape:
    """[rows, columns] from DataInputConfig, a single row without it. Raises InputConfigurationError."""
    return match({name: (1, columns)} if config is None else config, [ModelInput(name, (DYNAMIC, columns), dtype)])[
        name
    ]


class Graph:
    """A relax function `main` of one input, as it is built."""

    def __init__(self, shape: Shape, name: str = INPUT) -> None:
        self.builder = relax.BlockBuilder()
        self.rows = shape[0]
        self._input = Tensor(name, shape, DTYPE)
        self.data = relax.Var(name, relax.TensorType(shape, DTYPE))

    def emit(self, expr: Expr) -> Expr:
        """A variable of `expr`, whose type is then known."""
        return self.builder.emit(expr)

    def constant(self, value: Any, dtype: str = DTYPE) -> Expr:
        """A constant, by default float32."""
        return relax.const(np.asarray(value).astype(dtype), dtype)

    def imported(self, build: Any, framework_version: str) -> Imported:
        """The model whose outputs by name are those of `build(graph)`."""
        with self.builder.function("main", [self.data]):
            with self.builder.dataflow():
                outputs: Mapping[str, Expr] = build(self)
                results = [self.builder.emit_output(expr) for expr in outputs.values()]
            self.builder.emit_func_output(results[0] if len(results) == 1 else relax.Tuple(results))
        module: tvm.IRModule = self.builder.finalize()
        tensors = tuple(_tensor(name, result.ty) for name, result in zip(outputs, results, strict=True))
        return Imported(module, (self._input,), tensors, framework_version)


def _tensor(name: str, type_: Any) -> Tensor:
    return Tensor(name, tuple(int(size) for size in type_.shape.values), str(type_.dtype))
