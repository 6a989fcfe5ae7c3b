import numpy as np
import onnx
import pytest

from neo_compiler.frontends.onnx.builder import Builder
from neo_compiler.frontends.onnx.reference import run_reference


def test_a_model_that_checks_and_runs() -> None:
    graph = Builder()
    data = graph.input("data", (2, 3))
    made = graph.add("Add", graph.add("Relu", data), graph.scalar(1, data))
    model = graph.model({"y": graph.reshape(made, [-1])})
    onnx.checker.check_model(model, full_check=True)
    (result,) = run_reference(model, {"data": np.array([[-1, 2, 3], [4, -5, 6]], "float32")})
    assert result.tolist() == [1, 3, 4, 5, 1, 7]


def test_shapes_and_types_are_known_while_it_grows() -> None:
    graph = Builder()
    data = graph.input("data", (1, 8, 4, 4))
    flat = graph.reshape(data, [0, -1])
    assert graph.shape(flat) == (1, 128)
    assert graph.shape(graph.slice(data, 1, 2, 6, 2)) == (1, 2, 4, 4)
    values, indices = graph.add_many("TopK", 2, flat, graph.constant([5], "int64"))
    assert (graph.shape(values), graph.dtype(indices)) == ((1, 5), "int64")
    assert graph.dtype(graph.cast(indices, "float32")) == "float32"
    assert graph.cast(values, "float32") == values


def test_what_does_not_fit_is_told_with_its_shapes() -> None:
    graph = Builder()
    data = graph.input("data", (2, 3))
    with pytest.raises(ValueError, match=r"MatMul does not take inputs of the shapes \(2, 3\), \(2, 3\)"):
        graph.add("MatMul", data, data)
