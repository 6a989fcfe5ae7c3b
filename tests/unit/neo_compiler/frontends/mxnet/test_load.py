import json
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from support.framework_models.mxnet import FOLDER, NAMES, expected, files, inputs

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Tensor
from neo_compiler.frontends.mxnet import load
from neo_compiler.frontends.mxnet.shapes import reshaped

MAX_ERROR = 1e-5


def copied(name: str, folder: Path) -> list[Path]:
    for file, data in files(name).items():
        (folder / file).write_bytes(data)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_graphs_compute_what_mxnet_computed(name: str, tmp_path: Path) -> None:
    found = load.reference(copied(name, tmp_path), inputs(name))
    wanted = expected(name)
    assert len(found) == len(wanted)
    for left, right in zip(found, wanted, strict=True):
        np.testing.assert_allclose(left, right, atol=MAX_ERROR)


def test_inputs_outputs_and_version_without_the_label(tmp_path: Path) -> None:
    imported = load.load(copied("mlp", tmp_path), [(2, 20)])
    assert imported.inputs == (Tensor("data", (2, 20), "float32"),)
    assert imported.outputs == (Tensor("softmax_output", (2, 3), "float32"),)
    assert imported.framework_version == "MXNet 1.9.1"


def test_a_shape_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(InputConfigurationError, match="DataInputConfig must give the shape of input data"):
        load.load(copied("mlp", tmp_path), None)


@pytest.mark.parametrize(
    "names, text",
    [
        (["hyperparams.json", "a-0000.params"], load.NO_SYMBOL),
        (["a-symbol.json", "b-symbol.json"], load.MANY_SYMBOLS),
        (["a-symbol.json", "model-shapes.json"], load.NO_PARAMS),
        (["a-symbol.json", "b-0000.params"], load.NO_PAIR.format("a-symbol.json")),
    ],
)
def test_rules_of_files(names: list[str], text: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputConfigurationError, match=re.escape(text)):
        load.load(sorted(tmp_path.iterdir()), None)


def test_the_highest_epoch_counts(tmp_path: Path) -> None:
    found = copied("mlp", tmp_path)
    (tmp_path / "mlp-0003.params").write_bytes(b"an older one")
    assert load.load(sorted(tmp_path.iterdir()), {"data": (1, 20)}).outputs[0].shape == (1, 3)
    assert found[0].name == "mlp-0012.params"


def test_saved_parameters_are_told_apart(tmp_path: Path) -> None:
    copied("mlp", tmp_path)
    path = tmp_path / "mlp-0012.params"
    path.write_bytes(path.read_bytes().replace(b"arg:fc1_weight", b"dense0.weight1"))
    with pytest.raises(InputConfigurationError, match=re.escape(f"{load.CANNOT_LOAD}{load.SAVED}")):
        load.load(sorted(tmp_path.iterdir()), {"data": (1, 20)})


@pytest.mark.parametrize("cut", [0, 7, 24, 60, 400])
def test_damaged_params(cut: int, tmp_path: Path) -> None:
    copied("mlp", tmp_path)
    path = tmp_path / "mlp-0012.params"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputConfigurationError, match=re.escape(load.CANNOT_LOAD)):
        load.load(sorted(tmp_path.iterdir()), {"data": (1, 20)})


def test_an_array_that_claims_to_be_huge(tmp_path: Path) -> None:
    copied("mlp", tmp_path)
    header = struct.pack("<QQQIiIqqiii", 0x112, 0, 1, 0xF993FAC9, 0, 2, 1 << 40, 1 << 20, 1, 0, 0)
    (tmp_path / "mlp-0012.params").write_bytes(header)
    with pytest.raises(InputConfigurationError, match="ends too soon or is damaged"):
        load.load(sorted(tmp_path.iterdir()), {"data": (1, 20)})


@pytest.mark.parametrize(
    "change, text",
    [
        ({"op": "Softmax2"}, "TVM can't convert the MXNet model. The following operators are not supported: Softmax2"),
        (
            {"attrs": {"num_hidden": "16", "flatten": "True"}, "op": "LRN"},
            "LRN (node fc1): its attribute nsize is None",
        ),
        (
            {"attrs": {"mode": "always"}, "op": "Dropout"},
            "Dropout (node fc1): mode=always gives other numbers in every run",
        ),
        ({"op": "_random_uniform"}, "The following operators are not supported: _random_uniform"),
        ({"inputs": [[9, 0, 0]]}, "node fc1 reads a node that does not come before it"),
    ],
)
def test_a_bad_graph_is_told_by_node(change: dict[str, object], text: str, tmp_path: Path) -> None:
    found = copied("mlp", tmp_path)
    graph = json.loads(found[1].read_text())
    next(node for node in graph["nodes"] if node["name"] == "fc1").update(change)
    found[1].write_text(json.dumps(graph))
    with pytest.raises(InputConfigurationError, match=re.escape(text)):
        load.load(found, {"data": (1, 20)})


@pytest.mark.parametrize("text", ["[]", "{", '{"nodes": 1}', '{"nodes": [], "heads": []}', "null"])
def test_json_that_is_no_graph(text: str, tmp_path: Path) -> None:
    (tmp_path / "a-symbol.json").write_text(text)
    shutil.copy(FOLDER / "mlp-0012.params", tmp_path / "a-0000.params")
    with pytest.raises(InputConfigurationError, match=re.escape(load.CANNOT_LOAD)):
        load.load(sorted(tmp_path.iterdir()), None)


@pytest.mark.parametrize(
    "shape, codes, sizes",
    [
        ((2, 3, 4), [4, 0, 2], [4, 3, 2]),
        ((2, 3, 4), [6, 1, -1], [6, 1, 4]),
        ((2, 3, 4), [-2, 1, 1], [2, 3, 4, 1, 1]),
        ((2, 3, 4, 5), [-3, -3], [6, 20]),
        ((2, 3, 4), [-4, 1, 2, -2], [1, 2, 3, 4]),
        ((2, 3, 4), [2, -4, -1, 3, -2], [2, 1, 3, 4]),
    ],
)
def test_reshape_codes(shape: tuple[int, ...], codes: list[int], sizes: list[int]) -> None:
    assert reshaped(shape, codes) == sizes
