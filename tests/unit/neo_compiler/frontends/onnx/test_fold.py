import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from support.waiting import ends

from neo_compiler.frontends.onnx.fold import fold

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def info(name: str, dtype: int, *shape: int | str | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, list(shape))


def constant(name: str, value: object, dtype: str = "int64") -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(value, dtype), name)


def build(nodes: list[object], inputs: list[object], outputs: list[object], weights: list[object]) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def flatten_like_exporters_do() -> onnx.ModelProto:
    """Reshape(x, Concat(Gather(Shape(x), 0), -1)) with a free batch."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    weights = [constant("zero", [0]), constant("rest", [-1])]
    return build(nodes, [info("x", FLOAT, "n", 3, 4)], [info("y", FLOAT, "n", 12)], weights)


def test_computed_shapes_become_constants() -> None:
    folded = fold(flatten_like_exporters_do(), {"x": (2, 3, 4)})
    assert operators(folded) == ["Reshape"]
    assert numpy_helper.to_array(folded.graph.initializer[0]).tolist() == [2, -1]
    assert [d.dim_value for d in folded.graph.output[0].type.tensor_type.shape.dim] == [2, 12]
    onnx.checker.check_model(folded)


def test_the_original_is_left_alone() -> None:
    model = flatten_like_exporters_do()
    before = model.SerializeToString()
    fold(model, {"x": (2, 3, 4)})
    assert model.SerializeToString() == before


def test_without_a_known_shape_nothing_is_invented() -> None:
    assert operators(fold(flatten_like_exporters_do(), {})) == ["Shape", "Gather", "Concat", "Reshape"]


@pytest.mark.parametrize("attributes, expected", [({}, [2, 3, 4]), ({"start": 1}, [3, 4]), ({"start": -1}, [4])])
def test_shape_with_limits(attributes: dict[str, int], expected: list[int]) -> None:
    model = build(
        [helper.make_node("Shape", ["x"], ["y"], **attributes)],
        [info("x", FLOAT, 2, 3, 4)],
        [info("y", INT64, None)],
        [],
    )
    folded = fold(model, {"x": (2, 3, 4)})
    assert operators(folded) == []
    assert numpy_helper.to_array(folded.graph.initializer[0]).tolist() == expected


def test_dead_nodes_and_their_weights_go() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Add", ["x", "w"], ["unused"])]
    folded = fold(
        build(nodes, [info("x", FLOAT, 2)], [info("y", FLOAT, 2)], [constant("w", [1, 2], "float32")]), {"x": (2,)}
    )
    assert operators(folded) == ["Relu"]
    assert not folded.graph.initializer


def test_random_numbers_stay_random() -> None:
    nodes = [helper.make_node("RandomNormal", [], ["r"], shape=[2]), helper.make_node("Add", ["x", "r"], ["y"])]
    folded = fold(build(nodes, [info("x", FLOAT, 2)], [info("y", FLOAT, 2)], []), {"x": (2,)})
    assert operators(folded) == ["RandomNormal", "Add"]


def test_dropout_in_training_is_no_constant() -> None:
    nodes = [helper.make_node("Dropout", ["c", "r", "t"], ["d"]), helper.make_node("Add", ["x", "d"], ["y"])]
    weights = [
        constant("c", [1.0] * 64, "float32"),
        constant("r", 0.5, "float32"),
        constant("t", True, "bool"),
    ]
    with pytest.raises(ValueError, match="Dropout in training is not available"):
        fold(build(nodes, [info("x", FLOAT, 64)], [info("y", FLOAT, 64)], weights), {"x": (64,)})


def test_a_big_result_is_not_made_and_a_huge_one_refused() -> None:
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["big"]), helper.make_node("ReduceSum", ["big"], ["y"])]
    folded = fold(build(nodes, [], [info("y", FLOAT)], [constant("s", [10_000, 10_000])]), {})
    assert operators(folded)[0] == "ConstantOfShape"
    with pytest.raises(ValueError, match="ConstantOfShape makes big of 10000000000 elements; the most allowed is 2684"):
        fold(build(nodes, [], [info("y", FLOAT)], [constant("s", [100_000, 100_000])]), {})


def test_long_vectors_are_not_followed() -> None:
    nodes = [helper.make_node("Concat", [f"c{i}", f"c{i}"], [f"c{i + 1}"], axis=0) for i in range(25)]
    nodes.append(helper.make_node("Add", ["x", "c25"], ["y"]))
    model = build(nodes, [info("x", FLOAT, 1)], [info("y", FLOAT, 1)], [constant("c0", [1, 2], "float32")])
    with ends():
        folded = fold(model, {})
    assert operators(folded)[-1] == "Add"


def branching(condition_is_constant: bool) -> onnx.ModelProto:
    """If(c) then x + w, with its own constant w, else x as it is."""
    then = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["sum"]), helper.make_node("Relu", ["sum"], ["t"])],
        "then",
        [],
        [info("t", FLOAT, 2)],
        [constant("w", [1, -9], "float32")],
    )
    other = helper.make_graph([helper.make_node("Identity", ["x"], ["e"])], "else", [], [info("e", FLOAT, 2)])
    node = helper.make_node("If", ["c"], ["y"], name="choice", then_branch=then, else_branch=other)
    inputs = [info("x", FLOAT, 2)] + ([] if condition_is_constant else [info("c", BOOL)])
    return build([node], inputs, [info("y", FLOAT, 2)], [constant("c", True, "bool")] if condition_is_constant else [])


def test_branch_of_a_known_condition_is_inlined() -> None:
    model = branching(condition_is_constant=True)
    folded = fold(model, {"x": (2,)})
    assert operators(folded) == ["Add", "Relu"]
    onnx.checker.check_model(folded)
    x = {"x": np.array([1, 2], "float32")}
    assert ReferenceEvaluator(folded).run(None, x)[0].tolist() == ReferenceEvaluator(model).run(None, x)[0].tolist()


def test_an_unknown_condition_chooses_between_both_branches() -> None:
    folded = operators(fold(branching(condition_is_constant=False), {"x": (2,)}))
    assert "If" not in folded
    assert folded[-1] == "Where"


def test_quantisation_of_constants_stays_visible() -> None:
    weights = [constant("w", [1, 2], "int8"), constant("s", 0.5, "float32"), constant("z", 0, "int8")]
    nodes = [helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"]), helper.make_node("Add", ["x", "d"], ["y"])]
    folded = fold(build(nodes, [info("x", FLOAT, 2)], [info("y", FLOAT, 2)], weights), {"x": (2,)})
    assert operators(folded) == ["DequantizeLinear", "Add"]
