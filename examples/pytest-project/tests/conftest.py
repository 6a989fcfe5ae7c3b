from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from neo_emulator import factories

# an emulator with settings of its own: every job is INPROGRESS for at least a minute
slow_server = factories.server(min_run_seconds=60)
slow = factories.clean("slow_server")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """y = relu(x + 1), x of 1 x 4 numbers."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy")
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [helper.make_node("Add", ["x", "one"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    graph = helper.make_graph(nodes, "add-relu", [x], [y], [one])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
