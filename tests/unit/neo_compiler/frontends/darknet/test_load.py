import re
from pathlib import Path

import numpy as np
import pytest
from support.darknet import CLASSIFIER, NETS, TINY_YOLO, Net, opencv

from neo_compiler.errors import InputConfigurationError
from neo_compiler.frontends.base import Tensor
from neo_compiler.frontends.darknet import load

MAX_ERROR = 1e-4


def write(net: Net, folder: Path) -> list[Path]:
    for name, data in net.files().items():
        (folder / name).write_bytes(data)
    return sorted(folder.iterdir())


def test_inputs_and_outputs_of_yolo(tmp_path: Path) -> None:
    imported = load.load(write(TINY_YOLO, tmp_path), None)
    assert imported.inputs == (Tensor("data", (1, 3, 64, 64), "float32"),)
    assert imported.outputs == (
        Tensor("yolo_10", (1, 21, 16, 16), "float32"),
        Tensor("yolo_15", (1, 21, 32, 32), "float32"),
    )
    assert imported.framework_version == "weights 0.2.0"


@pytest.mark.parametrize("name", sorted(NETS))
def test_layers_compute_what_opencv_computes(name: str, tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    net, files = NETS[name], write(NETS[name], tmp_path)
    data = np.random.default_rng(3).random(net.shape, dtype="float32")
    expected = opencv(tmp_path / "model.cfg", tmp_path / "model.weights", data)
    found = load.reference(files, {"data": data})
    assert len(found) == len(expected)
    for left, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(left.reshape(right.shape), right, atol=MAX_ERROR)


@pytest.mark.parametrize(
    "config, name, shape",
    [({"image": (2, 3, 64, 96)}, "image", (2, 3, 64, 96)), ([(1, 3, 32, 32)], "data", (1, 3, 32, 32))],
)
def test_the_name_is_free_and_the_image_may_have_another_size(
    config: dict[str, tuple[int, ...]] | list[tuple[int, ...]], name: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    assert load.load(write(TINY_YOLO, tmp_path), config).inputs == (Tensor(name, shape, "float32"),)


@pytest.mark.parametrize(
    "names, text",
    [
        ([], load.NO_CFG),
        (["a.cfg", "b.cfg"], load.MANY_CFG),
        (["a.cfg"], load.NO_WEIGHTS),
        (["a.cfg", ".hidden.cfg", "a.weights", "b.weights"], load.MANY_WEIGHTS),
    ],
)
def test_rules_of_files(names: list[str], text: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputConfigurationError, match=re.escape(text)):
        load.load(sorted(tmp_path.iterdir()), None)


@pytest.mark.parametrize(
    "old, new, text",
    [
        ("[net]", "[layer]", "Unable to load DarkNet model. model.cfg does not begin with [net]"),
        ("[avgpool]", "avgpool", "model.cfg, line 26 is neither [section] nor key=value: 'avgpool'"),
        ("height=32", "height=tall", "Unable to load DarkNet model. [net]: height='tall' is no number"),
        (
            "[avgpool]",
            "[crnn]",
            f"{load.CANNOT_CONVERT}layer 3 [crnn]: this kind of layer is not supported; supported are",
        ),
        ("output=10", "output=99", "layer 4 [connected]: the .weights file ends too soon"),
        ("output=10", "output=9", "the layers take 593 weights, the .weights file has 606"),
        ("activation=relu", "activation=lhtan", "layer 2 [convolutional]: the activation lhtan is not supported"),
        ("[avgpool]", "[route]\nlayers=7", "layer 3 [route]: there is no layer 7 before it"),
    ],
)
def test_a_bad_cfg_is_told_by_layer(old: str, new: str, text: str, tmp_path: Path) -> None:
    files = write(CLASSIFIER, tmp_path)
    files[0].write_text(CLASSIFIER.cfg.replace(old, new))
    with pytest.raises(InputConfigurationError, match=re.escape(text)):
        load.load(files, None)


def test_short_weights(tmp_path: Path) -> None:
    files = write(CLASSIFIER, tmp_path)
    files[1].write_bytes(b"short")
    with pytest.raises(InputConfigurationError, match="too short for a weights file: 5 bytes"):
        load.load(files, None)


def test_channels_are_the_networks(tmp_path: Path) -> None:
    with pytest.raises(InputConfigurationError, match=r"Input x has wrong shape .*: \[1, 4, 64, 64\]"):
        load.load(write(TINY_YOLO, tmp_path), {"x": (1, 4, 64, 64)})
