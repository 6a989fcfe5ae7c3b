"""An operator in the form of an old opset, with its inputs and weights, and what it must compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import helper, numpy_helper

from neo_compiler.frontends.onnx.reference import run_reference

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Form:
    op: str
    opset: int
    inputs: dict[str, Array]
    weights: dict[str, Array] = field(default_factory=dict)
    right: Callable[..., Any] | None = None  # of the inputs and weights; None: what ONNX Runtime computes
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ("y",)
    order: tuple[str, ...] = ()  # the node's inputs, where they are not those above in their order
    kinds: tuple[str, ...] = ()  # the types of its outputs, where they are not that of the first input


def together(forms: Mapping[str, Form]) -> tuple[Any, dict[str, Array]]:
    """A model of all these forms, of one opset, side by side, and what to feed it. As before IR version 4, its weights
    are inputs too."""
    (opset,) = {form.opset for form in forms.values()}
    nodes, given, made, constants, fed = [], [], [], [], {}
    for name, form in forms.items():
        own = {key: f"{name}/{key}" if key else "" for key in ("", *form.inputs, *form.weights, *form.outputs)}
        order = [own[key] for key in form.order or (*form.inputs, *form.weights)]
        results = [own[key] for key in form.outputs]
        nodes.append(helper.make_node(form.op, order, results, name, **form.attributes))
        given += [_info(own[key], array) for key, array in (form.inputs | form.weights).items()]
        kinds = form.kinds or [next(iter(form.inputs.values())).dtype] * len(results)
        made += [
            helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), None)
            for key, kind in zip(results, kinds, strict=True)
        ]
        constants += [numpy_helper.from_array(array, own[key]) for key, array in form.weights.items()]
        fed |= {own[key]: array for key, array in form.inputs.items()}
    graph = helper.make_graph(nodes, "old", given, made, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3), fed


def right(form: Form) -> list[Array]:
    """What numpy computes for forms that ONNX Runtime does not run, what that computes for the others."""
    if form.right is None:
        return run_reference(*together({"the_form": form}))
    made = form.right(*form.inputs.values(), *form.weights.values())
    return list(made) if isinstance(made, list) else [made]


def check(name: str, form: Form, found: Sequence[Any]) -> None:
    """The outputs of a form: shapes, types, numbers."""
    for mine, other in zip(map(np.asarray, found), right(form), strict=True):
        assert (mine.shape, mine.dtype) == (other.shape, other.dtype), name
        np.testing.assert_allclose(mine.astype("f8"), other.astype("f8"), rtol=1e-5, atol=1e-5, err_msg=name)


def _info(name: str, array: Array) -> Any:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def numbers(*shape: int, dtype: str = "float32") -> Array:
    count = int(np.prod(shape))
    return np.random.default_rng(count).standard_normal(shape).astype(dtype)


def whole(*items: int) -> Array:
    return np.array(items, "int64")


def form_of(op: str, opset: int, *inputs: Array, right: Callable[..., Any] | None = None, **rest: Any) -> Form:
    """Its first input is fed, the others are weights; attributes are given by their names."""
    first, *others = (f"x{place}" for place in range(len(inputs)))
    known = {key: rest.pop(key) for key in ("outputs", "order", "kinds") if key in rest}
    weights = dict(zip(others, inputs[1:], strict=True))
    return Form(op, opset, {first: inputs[0]}, weights, right, rest, **known)


X = numbers(2, 3, 4, 5)
IMAGE = numbers(1, 2, 5, 7)
POSITIVE = np.abs(X) + 0.5
