from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Tensor, visible
from neo_compiler.frontends.onnx.load import CANNOT_CONVERT, CANNOT_LOAD, MANY_FILES, NO_FILE, declared_inputs, load

FLOAT = TensorProto.FLOAT


def add_model(operator: str = "Add", domain: str = "", batch: int | str = 1) -> onnx.ModelProto:
    """y = x + w, w of shape [4]."""
    weight = numpy_helper.from_array(np.arange(4, dtype="float32"), "w")
    ends = [[helper.make_tensor_value_info(name, FLOAT, [batch, 4])] for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node(operator, ["x", "w"], ["y"], domain=domain)], "g", *ends, [weight])
    opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def complaint(files: list[Path], config: dict[str, tuple[int, ...]] | None = None) -> str:
    with pytest.raises(InputConfigurationError) as error:
        load(files, config)
    return str(error.value)


def test_load(tmp_path: Path) -> None:
    imported = load([save(add_model(), tmp_path / "m.onnx")], None)
    assert imported.inputs == (Tensor("x", (1, 4), "float32"),)
    assert imported.outputs == (Tensor("y", (1, 4), "float32"),)
    assert imported.framework_version == "opset 17"


def test_load_takes_the_shapes_that_are_asked_for(tmp_path: Path) -> None:
    imported = load([save(add_model(batch="n"), tmp_path / "m.onnx")], {"x": (3, 4)})
    assert (imported.inputs[0].shape, imported.outputs[0].shape) == ((3, 4), (3, 4))


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    files = [tmp_path / "._m.onnx", save(add_model(), tmp_path / "M.ONNX")]
    assert visible(files, ".onnx") == [tmp_path / "M.ONNX"]
    load(files, None)


def test_no_file(tmp_path: Path) -> None:
    assert complaint([tmp_path / "model.pt"]) == NO_FILE


def test_two_files(tmp_path: Path) -> None:
    assert complaint([tmp_path / "a.onnx", tmp_path / "b.onnx"]) == MANY_FILES


@pytest.mark.parametrize("data", [b"", b"not a model at all", b"\x08\x08"], ids=["empty", "text", "no graph"])
def test_broken_file(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    assert complaint([tmp_path / "m.onnx"]).startswith(CANNOT_LOAD)


def test_invalid_graph(tmp_path: Path) -> None:
    model = add_model()
    model.graph.node[0].input[0] = "nowhere"
    assert "nowhere" in complaint([save(model, tmp_path / "m.onnx")])


def test_unknown_operator_is_named(tmp_path: Path) -> None:
    text = complaint([save(add_model("Frobnicate", "my.domain"), tmp_path / "m.onnx")])
    assert text.startswith(CANNOT_CONVERT)
    assert "Frobnicate" in text
    assert f"ONNX Version running: {onnx.__version__}. Model Version found: opset 17." in text


def test_wrong_name_and_shape_list_the_models_inputs(tmp_path: Path) -> None:
    files = [save(add_model(), tmp_path / "m.onnx")]
    for config in ({"data": (1, 4)}, {"x": (1, 5)}):
        assert complaint(files, config).endswith("The model's inputs: x: [1, 4] float32")


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "missing.bin"])
def test_external_data_stays_in_the_archive(location: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    (tmp_path / "model").mkdir()
    model = add_model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    text = complaint([save(model, tmp_path / "model/m.onnx")])
    assert text.startswith(CANNOT_LOAD + "Its external data")
    assert text.endswith(location)


def test_external_data_is_read(tmp_path: Path) -> None:
    onnx.save(add_model(), str(tmp_path / "m.onnx"), save_as_external_data=True, location="w.bin", size_threshold=0)
    imported = load([tmp_path / "m.onnx", tmp_path / "w.bin"], None)
    assert imported.outputs[0].shape == (1, 4)


def test_weights_that_are_listed_as_inputs_are_none() -> None:
    model = add_model()
    model.graph.input.append(helper.make_tensor_value_info("w", FLOAT, [4]))
    assert [item.name for item in declared_inputs(model)] == ["x"]


def test_an_input_that_is_no_tensor() -> None:
    model = add_model()
    model.graph.input.append(helper.make_tensor_sequence_value_info("s", FLOAT, [4]))
    with pytest.raises(InputConfigurationError, match="Input s is not a tensor"):
        declared_inputs(model)
