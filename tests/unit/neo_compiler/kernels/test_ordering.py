"""ArgMax, ArgMin and TopK of infinities and NaN: the numbers are ONNX Runtime's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.onnx_run import run_model, run_scheduled

from neo_compiler.frontends.onnx import load as importer
from neo_compiler.frontends.onnx.reference import run_reference

Array = np.ndarray
TYPES = ("float32", "float64", "float16")


def lines(dtype: str) -> Array:
    """All there is to trip over, each next to each other."""
    most = np.finfo(dtype).max
    numbers = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, most, -most, 1, -3.5], dtype)
    made = np.random.default_rng(0).choice(numbers, (300, 6))
    made[:3] = np.array([[-np.inf], [np.inf], [np.nan]])
    made[3] = [-np.inf, -most, -most, np.nan, -most, -np.inf]
    return made


def model(op: str, x: Array, results: int, *more: Array, **attributes: Any) -> Any:
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    names = [f"k{place}" for place in range(len(more))]
    kinds = [TensorProto.INT64] if results == 1 else [kind, TensorProto.INT64]
    node = helper.make_node(op, ["x", *names], [f"y{place}" for place in range(results)], **attributes)
    outputs = [helper.make_tensor_value_info(f"y{place}", kind, None) for place, kind in enumerate(kinds)]
    weights = [numpy_helper.from_array(array, name) for name, array in zip(names, more, strict=True)]
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", kind, x.shape)], outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def check(made: Any, x: Array, cpu: str) -> None:
    if cpu:
        found = run_scheduled(importer.compilable(made, {"x": x.shape}, ""), {"x": x}, cpu)
    else:
        found = run_model(made, {"x": x})
    for left, right in zip(found, run_reference(made.SerializeToString(), {"x": x}), strict=True):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("cpu", ["", "x86-64"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
def test_index_of_the_greatest(op: str, dtype: str, last: int, cpu: str) -> None:
    x = lines(dtype)
    check(model(op, x, 1, axis=1, keepdims=last, select_last_index=last), x, cpu)
    check(model(op, x.T.copy(), 1, axis=0, keepdims=0, select_last_index=last), x.T.copy(), cpu)


@pytest.mark.parametrize("cpu", ["", "x86-64"])
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("dtype", TYPES)
def test_top_k(dtype: str, largest: int, cpu: str) -> None:
    x = lines(dtype)
    check(model("TopK", x, 2, np.array([4]), largest=largest), x, cpu)
