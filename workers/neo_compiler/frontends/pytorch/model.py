"""A loaded PyTorch model: its arguments, example inputs for it, and what it computes."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils import _pytree as pytree

from neo_compiler.errors import last_line, one_line
from neo_compiler.frontends.base import Array
from neo_compiler.input_config import DYNAMIC, Shape

GUESSED_DTYPES = (torch.float32, torch.int64)
"""A TorchScript file says no types unless it was traced; Neo itself knows float32 only."""

MAX_GUESSED = 4
"""Inputs whose types are tried in all combinations; of more, all have the same."""

TUPLE = "Tuple input with multiple elements is currently not supported."


@dataclass(frozen=True)
class Argument:
    """One tensor that the model takes."""

    name: str
    shape: Shape | None
    dtype: str | None  # numpy's name, None where the file does not say
    required: bool = True

    def __str__(self) -> str:
        shape = "unknown shape" if self.shape is None else list(self.shape)
        return f"{self.name}: {shape} {self.dtype or ''}".rstrip()


class Model:
    """A ScriptModule or an ExportedProgram. Raises ValueError for arguments that are no tensors."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.exported = isinstance(source, torch.export.ExportedProgram)
        self.form = "torch.export" if self.exported else "TorchScript"
        self.arguments = _program_arguments(source) if self.exported else _script_arguments(source)

    def copy(self) -> Model:
        """A model that shares nothing with this one."""
        return self if self.exported else Model(copy.deepcopy(self.source))

    def __call__(self, inputs: Sequence[torch.Tensor]) -> Any:
        """The model's own result. Raises what torch does."""
        with torch.no_grad():
            if not self.exported:
                return self.source(*inputs)
            args, kwargs = pytree.tree_unflatten(list(inputs), self.source.call_spec.in_spec)
            return self.source.module()(*args, **kwargs)


def run(model: Model, inputs: Sequence[Array]) -> list[Array]:
    """The outputs, flattened."""
    result = model([torch.from_numpy(array.copy()) for array in inputs])
    return [item.numpy() for item in pytree.tree_leaves(result) if isinstance(item, torch.Tensor)]


def examples(model: Model, shapes: Sequence[Shape]) -> list[torch.Tensor]:
    """Inputs of zeros that the model takes. Raises what torch does for those of the likeliest types.

    A copy of the model is tried: a run may change what it keeps from one run to the next.
    """
    first: Exception | None = None
    model = model.copy()
    for dtypes in _dtypes(model.arguments[: len(shapes)]):
        inputs = [torch.zeros(shape, dtype=dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        try:
            model(inputs)
        except Exception as error:  # torch raises many types
            first = first or error
            continue
        return inputs
    raise first or ValueError("The model has no inputs.")


def cause(error: Exception) -> str:
    """What `error` says in one line; TorchScript puts its source in front of it."""
    return last_line(error) if "TorchScript" in str(error).strip().partition("\n")[0] else one_line(error)


def _dtypes(arguments: Sequence[Argument]) -> Iterator[tuple[torch.dtype, ...]]:
    """Combinations of types to try, the likeliest first."""
    choices = [GUESSED_DTYPES if item.dtype is None else (_dtype(item.dtype),) for item in arguments]
    if sum(len(choice) > 1 for choice in choices) <= MAX_GUESSED:
        yield from itertools.product(*choices)
    else:
        yield from (tuple(choice[min(i, len(choice) - 1)] for choice in choices) for i in range(len(GUESSED_DTYPES)))


def _dtype(name: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, name)
    return found


def _script_arguments(script: Any) -> list[Argument]:
    schema = script.forward.schema.arguments[1:]  # without self
    values = list(script.graph.inputs())[1:] if hasattr(script, "graph") else []
    arguments = []
    for index, argument in enumerate(schema):
        kind, required = str(argument.type), not argument.has_default_value()
        if kind in ("Tensor", "Optional[Tensor]"):
            value = values[index].type() if index < len(values) else None
            arguments.append(_script_argument(argument.name, value, required))
        elif required:
            raise ValueError(
                TUPLE
                if kind.startswith(("Tuple", "List"))
                else f"Its forward takes {argument.name} of type {kind}, which is no tensor. "
                "Please save a module around it that gives the value."
            )
        else:
            break
    return arguments


def _script_argument(name: str, value: Any, required: bool) -> Argument:
    """An argument with the shape and type that its traced value had, if it was traced."""
    sizes = value.sizes() if isinstance(value, torch.TensorType) else None
    if sizes is None:
        return Argument(name, None, None, required)
    dtype = value.dtype()
    floating = dtype is not None and dtype.is_floating_point  # .float() made such weights float32
    known = None if dtype is None else "float32" if floating else str(dtype).removeprefix("torch.")
    return Argument(name, tuple(sizes), known, required)


def _program_arguments(program: Any) -> list[Argument]:
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    arguments = []
    for name in program.graph_signature.user_inputs:
        value = values.get(name)
        if not isinstance(value, torch.Tensor):
            raise ValueError(f"Its input {name} is no tensor.")
        shape = tuple(size if isinstance(size, int) else DYNAMIC for size in value.shape)
        arguments.append(Argument(name, shape, str(value.dtype).removeprefix("torch.")))
    return arguments
