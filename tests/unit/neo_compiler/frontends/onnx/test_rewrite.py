"""What operators are written with, against ONNX Runtime: forms that onnx's own node tests leave out."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.fold import fold
from neo_compiler.frontends.onnx.reference import run_reference

RANDOM = np.random.default_rng(5)


def model_of(nodes: list[Any], x: Array, outputs: dict[str, int], weights: dict[str, Array] | None = None) -> Any:
    constants = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    made = [helper.make_tensor_value_info(name, output, None) for name, output in outputs.items()]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", kind, x.shape)], made, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)


def folded(model: Any, x: Array) -> Any:
    return fold(model, {"x": x.shape})


def operators(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


MODES = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


@pytest.mark.parametrize("mode", MODES)
def test_padding_of_a_transposed_convolution(mode: str) -> None:
    """With output_shape, the small half comes first for SAME_UPPER alone."""
    x = RANDOM.standard_normal((1, 2, 4)).astype("float32")
    for kernel, stride, dilation, extra, less in product((1, 3, 4), (1, 2, 3), (1, 2), (0, 1), (None, 0, 1, 2, 3)):
        full = stride * 3 + extra + (kernel - 1) * dilation + 1
        # without output_shape, ONNX Runtime makes less than ONNX says where windows leave gaps
        gaps = less is None and mode.startswith("SAME") and full < 4 * stride
        if (
            extra >= max(stride, dilation)
            or (extra and extra >= stride)
            or gaps
            or (less is not None and full - less < 1)
        ):
            continue
        attributes = {"strides": [stride], "dilations": [dilation], "output_padding": [extra], "auto_pad": mode}
        if less is not None:
            attributes["output_shape"] = [full - less]
        weights = {"w": RANDOM.standard_normal((2, 3, kernel)).astype("float32")}
        model = model_of([helper.make_node("ConvTranspose", ["x", "w"], ["y"], **attributes)], x, {"y": 1}, weights)
        (right,) = run_reference(model, {"x": x})
        (found,) = ReferenceEvaluator(folded(model, x)).run(None, {"x": x})
        assert found.shape == right.shape, attributes
        np.testing.assert_allclose(found, right, atol=1e-5, err_msg=str(attributes))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_places_of_the_greatest(mode: str, dtype: str) -> None:
    x = RANDOM.integers(0, 4, (2, 2, 5, 7)).astype(dtype)
    for kernel, strides, ceil, columns in product(([2, 3], [3, 3], [1, 2]), ([1, 1], [2, 2], [3, 1]), (0, 1), (0, 1)):
        attributes = {"kernel_shape": kernel, "strides": strides, "ceil_mode": ceil, "storage_order": columns}
        forms = [{"auto_pad": mode}]
        if mode == "NOTSET":
            forms += [{"dilations": [2, 1]}, *([{"pads": [1, 1, 0, 1]}] if min(kernel) > 1 else [])]
        for form in forms:
            node = helper.make_node("MaxPool", ["x"], ["y", "places"], **attributes, **form)
            outputs = {"y": helper.np_dtype_to_tensor_dtype(x.dtype), "places": TensorProto.INT64}
            model = model_of([node], x, outputs)
            found = ReferenceEvaluator(folded(model, x)).run(None, {"x": x})
            for mine, right in zip(found, run_reference(model, {"x": x}), strict=True):
                np.testing.assert_array_equal(mine, right, str(attributes | form))


def test_places_of_windows_that_are_too_big() -> None:
    x = np.zeros((1, 1, 40, 40), "float32")
    node = helper.make_node("MaxPool", ["x"], ["y", "i"], "the_pool", kernel_shape=[17, 17])
    with pytest.raises(ValueError, match=r"MaxPool \(node the_pool\): Indices of windows of 289 elements"):
        folded(model_of([node], x, {"y": 1, "i": TensorProto.INT64}), x)


def test_a_pad_by_nothing_goes() -> None:
    x = np.zeros((1, 2), "float32")
    nodes = [helper.make_node("Pad", ["x", "none"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    model = model_of(nodes, x, {"y": 1}, {"none": np.zeros(4, "int64")})
    assert operators(folded(model, x)) == ["Identity", "Relu"]


def test_what_is_not_known_yet_is_asked_for_again() -> None:
    """The sizes of the Resize are known when the shape of its input is, which is after one round of folding."""
    x = RANDOM.standard_normal((1, 2, 12)).astype("float32")
    nodes = [
        helper.make_node("NonZero", ["ones"], ["places"]),
        helper.make_node("Squeeze", ["places"], ["flat"], axes=[0]),
        helper.make_node("Gather", ["sizes", "flat"], ["target"]),
        helper.make_node("Reshape", ["x", "target"], ["image"]),
        helper.make_node("Resize", ["image", "none", "scales"], ["y"], "the_resize", mode="nearest",
                         nearest_mode="floor", coordinate_transformation_mode="asymmetric"),
    ]  # fmt: skip
    weights = {
        "ones": np.ones(4, "int64"),
        "none": np.array([], "float32"),
        "sizes": np.array([1, 2, 3, 4], "int64"),
        "scales": np.array([1, 1, 1.5, 1.6], "float32"),
    }
    model = model_of(nodes, x, {"y": 1}, weights)
    (found,) = ReferenceEvaluator(folded(model, x)).run(None, {"x": x})
    (right,) = run_reference(model, {"x": x})
    np.testing.assert_allclose(found, right)


def test_what_is_never_known_is_refused() -> None:
    x = np.ones((1, 2, 3, 4), "float32")
    nodes = [helper.make_node("Resize", ["x", "", "scales"], ["y"], "the_resize")]
    model = model_of(nodes, x, {"y": 1})
    model.graph.input.append(helper.make_tensor_value_info("scales", 1, [4]))
    with pytest.raises(ValueError, match=r"Resize \(node the_resize\): Resize needs constant sizes or scales"):
        folded(model, x)
