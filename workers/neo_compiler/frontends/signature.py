"""Reads names and types off a module's `main`. Imports tvm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tvm import relax

from neo_compiler.frontends.base import Imported, Tensor
from neo_compiler.input_config import Shape
from neo_compiler.tvm_types import IRModule


def imported(
    module: IRModule, inputs: Mapping[str, Shape], version: str, outputs: Sequence[str] | None = None
) -> Imported:
    """The module with inputs named as in `inputs`, in order, and outputs as in `outputs`, else output0, output1, ..."""
    main = module["main"]
    types = list(main.ret_ty.fields) if isinstance(main.ret_ty, relax.TupleType) else [main.ret_ty]
    names = outputs if outputs is not None else [f"output{index}" for index in range(len(types))]
    return Imported(
        module,
        tuple(
            Tensor(name, shape, str(param.ty.dtype))
            for (name, shape), param in zip(inputs.items(), main.params, strict=True)
        ),
        tuple(Tensor(name, static_shape(type_), str(type_.dtype)) for name, type_ in zip(names, types, strict=True)),
        version,
    )


def static_shape(type_: Any) -> Shape | None:
    """The sizes of a relax.TensorType, None when one is not known before the run."""
    if not isinstance(type_.shape, relax.ShapeExpr):
        return None
    try:
        return tuple(int(dim) for dim in type_.shape.values)
    except TypeError:  # a symbolic size
        return None
