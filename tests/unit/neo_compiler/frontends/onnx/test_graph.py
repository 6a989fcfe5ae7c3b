import numpy as np
from onnx import TensorProto, helper, numpy_helper

from neo_compiler.frontends.onnx.graph import branch, inline, live_nodes, reads, renamed, subgraphs

VALUE = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])


def test_live_nodes_keeps_the_order() -> None:
    nodes = [helper.make_node("Relu", [a], [b]) for a, b in (("x", "a"), ("x", "dead"), ("a", "b"))]
    assert [node.output[0] for node in live_nodes(nodes, ["b"])] == ["a", "b"]


def test_reads_looks_into_graphs() -> None:
    body = helper.make_graph([helper.make_node("Add", ["outer", "other"], ["out"])], "g", [], [VALUE])
    node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    assert {"c", "outer", "other"} <= reads(node)
    assert len(list(subgraphs(node))) == 2


def test_renamed_leaves_inner_names_that_hide_outer_ones() -> None:
    hiding = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Add", ["a", "b"], ["out"])], "g", [], [VALUE]
    )
    node = renamed(helper.make_node("If", ["a"], ["y"], then_branch=hiding, else_branch=hiding), {"a": "A", "b": "B"})
    assert node.input[0] == "A"
    inner = branch(node, True).node
    assert (list(inner[0].output), list(inner[1].input)) == (["a"], ["a", "B"])


def test_inline_passes_an_outer_value_through() -> None:
    graph = helper.make_graph([], "g", [], [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])])
    node = helper.make_node("If", ["c"], ["y"], then_branch=graph, else_branch=graph)
    (identity,) = inline(graph, "p/", node.output).nodes
    assert (identity.op_type, list(identity.input), list(identity.output)) == ("Identity", ["x"], ["y"])


def test_inline_keeps_two_branches_apart() -> None:
    weight = numpy_helper.from_array(np.ones(1, "float32"), "w")
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["out"])], "g", [], [VALUE], [weight])
    first, second = (inline(graph, f"{y}/", [y]) for y in ("y1", "y2"))
    assert first.tensors[0].name != second.tensors[0].name
    assert list(first.nodes[0].input) == ["x", first.tensors[0].name]
    assert list(second.nodes[0].output) == ["y2"]


def test_inline_gives_a_weight_that_is_the_result() -> None:
    weight = numpy_helper.from_array(np.ones(1, "float32"), "out")
    graph = helper.make_graph([], "g", [], [VALUE], [weight])
    inlined = inline(graph, "p/", ["y"])
    (identity,) = inlined.nodes
    assert list(identity.input) == [inlined.tensors[0].name]
    assert list(identity.output) == ["y"]
