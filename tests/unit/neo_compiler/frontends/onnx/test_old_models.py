"""Whole models of old opsets: what is inside If, Loop and functions, types and names, and what must stay as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, inliner, numpy_helper
from onnx.reference import ReferenceEvaluator

from neo_compiler.frontends.base import Array
from neo_compiler.frontends.onnx.fold import fold
from neo_compiler.frontends.onnx.load import compilable
from neo_compiler.frontends.onnx.opset import OPSET, current
from neo_compiler.frontends.onnx.reference import run_reference

FLOAT, FLOAT16, BOOL, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BOOL, TensorProto.INT64
X = np.random.default_rng(3).standard_normal((2, 3, 4)).astype("float32")


def info(name: str, kind: int = FLOAT, shape: tuple[int, ...] | None = None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def model_of(nodes: list[Any], opset: int, weights: dict[str, Array] | None = None, **more: Any) -> Any:
    constants = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    kind = more.pop("kind", FLOAT)
    graph = helper.make_graph(nodes, "old", [info("x", kind, X.shape)], [info("y", kind)], constants)
    imports = [helper.make_opsetid("", opset), *more.pop("imports", [])]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, **more)


def same(model: Any, x: Array = X) -> None:
    """What the folded model gives is what ONNX Runtime gives for the old one."""
    (right,) = run_reference(model, {"x": x})
    (found,) = ReferenceEvaluator(fold(model, {"x": x.shape})).run(None, {"x": x})
    assert (found.shape, found.dtype) == (right.shape, right.dtype)
    np.testing.assert_allclose(
        found.astype("f8"), right.astype("f8"), rtol=1e-3 if x.dtype == "f2" else 1e-5, atol=1e-5
    )


def branch(name: str, axis: int) -> Any:
    """Softmax over all from `axis` on of what lies outside, padded and cut again."""
    nodes = [
        helper.make_node("Pad", ["x"], [f"{name}_wide"], pads=[0, 0, 1, 0, 0, 2], value=0.5),
        helper.make_node("Softmax", [f"{name}_wide"], [f"{name}_parts"], axis=axis),
        helper.make_node("Slice", [f"{name}_parts"], [name], starts=[1], ends=[5], axes=[2]),
    ]
    return helper.make_graph(nodes, name, [], [info(name)])


def test_branches_of_an_if() -> None:
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["all"], keepdims=0),
        helper.make_node("Greater", ["all", "zero"], ["on"]),
        helper.make_node("If", ["on"], ["y"], then_branch=branch("a", 1), else_branch=branch("b", 2)),
    ]
    model = model_of(nodes, 9, {"zero": np.array(0, "float32")})
    for x in (X, -X, np.abs(X)):
        same(model, x)


def test_the_body_of_a_loop() -> None:
    nodes = [
        helper.make_node("Identity", ["on"], ["on_again"]),
        helper.make_node("Softmax", ["state"], ["parts"], axis=1),
        helper.make_node("Unsqueeze", ["parts"], ["parts_4d"], axes=[0]),
        helper.make_node("ReduceMax", ["parts_4d"], ["most"], axes=[0], keepdims=0),
        helper.make_node("Add", ["most", "x"], ["next"]),
    ]
    inputs = [info("turn", INT64, ()), info("on", BOOL, ()), info("state", FLOAT, X.shape)]
    body = helper.make_graph(nodes, "body", inputs, [info("on_again", BOOL, ()), info("next", FLOAT, X.shape)])
    loop = helper.make_node("Loop", ["turns", "true", "x"], ["y"], body=body)
    same(model_of([loop], 9, {"turns": np.array(3, "int64"), "true": np.array(True)}))


def test_functions_of_the_models_opset() -> None:
    inner = helper.make_node("Softmax", ["a"], ["b"])
    reference = inner.attribute.add()
    reference.name, reference.ref_attr_name, reference.type = "axis", "axis", onnx.AttributeProto.INT
    function = helper.make_function("own", "Parts", ["a"], ["b"], [inner], [helper.make_opsetid("", 11)], ["axis"])
    node = helper.make_node("Parts", ["x"], ["y"], domain="own", axis=1)
    model = model_of([node], 11, imports=[helper.make_opsetid("own", 1)], functions=[function])
    same(inliner.inline_local_functions(model))
    assert compilable(model, {"x": X.shape}, "").outputs[0].shape == X.shape


def test_functions_of_another_opset_are_refused_by_name() -> None:
    body = [helper.make_node("Squeeze", ["a"], ["b"], axes=[0])]
    function = helper.make_function("own", "Flat", ["a"], ["b"], body, [helper.make_opsetid("", 11)])
    node = helper.make_node("Flat", ["x"], ["y"], domain="own")
    model = model_of([node], 17, imports=[helper.make_opsetid("own", 1)], functions=[function])
    with pytest.raises(ValueError, match=r"own\.Flat"):
        compilable(model, {"x": X.shape}, "")


def test_half_precision() -> None:
    nodes = [
        helper.make_node("Pad", ["x"], ["wide"], pads=[0, 0, 1, 0, 0, 2], value=0.25),
        helper.make_node("Clip", ["wide"], ["some"], min=-0.5),
        helper.make_node("Softmax", ["some"], ["y"], axis=1),
    ]
    same(model_of(nodes, 10, kind=FLOAT16), X.astype("float16"))


def test_a_softmax_of_unknown_rank() -> None:
    """Shape inference at the old opset sees nothing behind a computed shape; the folded model does."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Mul", ["shape", "one"], ["other"]),
        helper.make_node("NonZero", ["other"], ["places"]),
        helper.make_node("Squeeze", ["places"], ["flat"], axes=[0]),
        helper.make_node("Gather", ["other", "flat"], ["target"]),
        helper.make_node("Reshape", ["x", "target"], ["again"]),
        helper.make_node("Softmax", ["again"], ["y"], axis=1),
    ]
    same(model_of(nodes, 11, {"one": np.array([1, 1, 1], "int64")}))


def test_what_needs_a_rank_says_so() -> None:
    nodes = [
        helper.make_node("ATen", ["x"], ["odd"], domain="org.pytorch.aten"),
        helper.make_node("Add", ["odd", "b"], ["y"], "the_sum", broadcast=1, axis=0),
    ]
    model = model_of(nodes, 6, {"b": X[:, 0, 0]}, imports=[helper.make_opsetid("org.pytorch.aten", 1)])
    with pytest.raises(
        ValueError, match=r"Add, opset 6 \(node the_sum\): the number of dimensions of odd is not known"
    ):
        fold(model, {"x": X.shape})


@pytest.mark.parametrize("op", ["BatchNormalization", "Dropout"])
def test_training_is_refused(op: str) -> None:
    many = {"BatchNormalization": ["x", "s", "b", "m", "v"], "Dropout": ["x"]}[op]
    outputs = {"BatchNormalization": ["y", "mean", "variance"], "Dropout": ["y"]}[op]
    weights = {name: np.ones(3, "float32") for name in many[1:]}
    model = model_of([helper.make_node(op, many, outputs, "the_node")], 6, weights)
    with pytest.raises(ValueError, match=rf"{op}, opset 6 \(node the_node\): .*training is not available"):
        fold(model, {"x": X.shape})


def test_other_domains_names_and_the_model_itself_stay() -> None:
    nodes = [
        helper.make_node("Slice", ["x"], ["own"], "not_ours", domain="com.microsoft", starts=[0], ends=[1]),
        helper.make_node("Slice", ["own"], ["part"], "ours", starts=[0], ends=[1], domain="ai.onnx"),
        helper.make_node("Unsqueeze", ["part"], ["y"], "last", axes=[2]),
    ]
    imports = [helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("ai.onnx.ml", 2)]
    model = model_of(nodes, 9, imports=imports)
    before = model.SerializeToString()
    made, frame = current(model, {"x": X.shape})
    assert model.SerializeToString() == before
    assert made[0] == nodes[0]
    kept = [(node.name, list(node.output)) for node in made if node.op_type != "Constant"]
    assert kept == [("not_ours", ["own"]), ("ours", ["part"]), ("last", ["y"])]
    assert {node.domain for node in made[1:]} == {""}
    versions = {item.domain: item.version for item in frame.opset_import}
    assert versions == {"": OPSET, "com.microsoft": 1, "ai.onnx.ml": 2}


def test_nodes_of_now_are_not_even_copied() -> None:
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], 17)
    assert current(model, {"x": X.shape})[0][0] is model.graph.node[0]
