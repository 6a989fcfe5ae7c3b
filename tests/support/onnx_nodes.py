"""The node tests that the onnx package ships: each a model of one operator with inputs and outputs.

They come with every operand as an input. As in real models, operands that say how to compute (shapes, axes, pads, zero
points: integers and flags that are not the first input) are made constants here, as are the sizes of Resize.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from neo_compiler.frontends.onnx.reference import run_reference

Array = npt.NDArray[Any]

ALL_FED = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Mod", "Pow", "Max", "Min", "Sum", "Mean", "Where", "Concat", "MatMulInteger"),
        *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor"),
        *("BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor"),
    }
)
"""Operators whose integers and flags are data at every place."""

FIRST_FED = frozenset(
    {
        *("Resize", "Upsample", "QuantizeLinear", "DequantizeLinear", "CenterCropPad", "Compress", "Pad", "OneHot"),
        "Dropout",
    }
)
"""Operators of which only the first input is data."""

NONE_FED = frozenset(
    {"Range", "BlackmanWindow", "HammingWindow", "HannWindow", "MelWeightMatrix", "ConstantOfShape", "EyeLike"}
)
"""Operators whose inputs are sizes: what they make is a constant."""

OTHER_THAN_THE_TEXT = frozenset(f"test_resize_downsample_scales_{mode}_align_corners" for mode in ("linear", "cubic"))
"""Their numbers are made with a fraction for the length of the result, where the text of Resize, and ONNX Runtime
(which leaves both tests out), take the length: they are held against ONNX Runtime."""

TOLERANCE = 1e-3
COARSE = {"float16": 4e-3, "bfloat16": 4e-2}
"""Allowed error of types with fewer digits: some four units in the last place."""


class NotFeasible(Exception):  # noqa: N818 - it is a kind of test, not a fault
    """The test is about something that no compiled model has: strings, sequences, training, random numbers."""


@dataclass(frozen=True)
class NodeTest:
    name: str
    operator: str
    model: Any  # its auxiliary inputs are constants
    inputs: dict[str, Array]
    outputs: list[Array]
    rtol: float
    atol: float


@cache
def raw() -> tuple[Any, ...]:
    """onnx's own objects, without the expanded forms of operators that are functions, and without ai.onnx.ml."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    return tuple(case for case in cases if "_expanded" not in case.name and _domain(case) in ("", "ai.onnx"))


def _domain(case: Any) -> str:
    return str(_main_node(case.model).domain)


def _main_node(model: Any) -> Any:
    nodes = [node for node in model.graph.node if node.op_type != "Constant"]
    return nodes[-1] if nodes else model.graph.node[0]


def operator(case: Any) -> str:
    return str(_main_node(case.model).op_type)


def prepared(case: Any) -> NodeTest:
    """The test in the form of a real model. Raises NotFeasible."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for value in (*model.graph.input, *model.graph.output):
        if not value.type.HasField("tensor_type"):
            raise NotFeasible("sequences and optional values are no tensors")
        if value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
            raise NotFeasible("strings are no numbers")
    inputs, outputs = ([_array(item) for item in items] for items in case.data_sets[0])
    values = dict(zip([value.name for value in model.graph.input], inputs, strict=False))
    fed = {name: array for place, (name, array) in enumerate(values.items()) if _fed(operator(case), place, array)}
    if case.name in OTHER_THAN_THE_TEXT:
        outputs = run_reference(model, values)
    constants = [numpy_helper.from_array(array, name) for name, array in values.items() if name not in fed]
    model.graph.initializer.extend(constants)
    kept = [value for value in model.graph.input if value.name in fed]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return NodeTest(case.name, operator(case), model, fed, outputs, case.rtol, case.atol)


def _array(item: Any) -> Array:
    return numpy_helper.to_array(item) if isinstance(item, onnx.TensorProto) else np.asarray(item)


def _fed(op: str, place: int, array: Array) -> bool:
    if op in NONE_FED:
        return False
    if op == "NonMaxSuppression":
        return place < 2
    if place == 0 or op in ALL_FED:
        return True
    return op not in FIRST_FED and array.dtype.kind not in "iub"


def difference(test: NodeTest, found: list[Array]) -> str | None:
    """What is wrong with the outputs; None when they are right."""
    if len(found) != len(test.outputs):
        return f"{len(found)} outputs, {len(test.outputs)} expected"
    for left, right in zip(found, test.outputs, strict=True):
        if left.shape != right.shape:
            return f"shape {list(left.shape)}, {list(right.shape)} expected"
        if left.dtype != right.dtype:
            return f"type {left.dtype}, {right.dtype} expected"
        a, b = (np.asarray(array, "complex128" if array.dtype.kind == "c" else "float64") for array in (left, right))
        coarse = COARSE.get(str(right.dtype), 1e-5)
        if not np.allclose(a, b, rtol=max(test.rtol, TOLERANCE, coarse), atol=max(test.atol, coarse), equal_nan=True):
            return f"wrong numbers: max abs error {np.max(np.abs(a - b)):.3g}"
    return None
