"""Files that our checks and a framework's own reader once read differently, so that code in them ran."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.hostile_models import members, write

from neo_compiler import frontends
from neo_compiler.errors import InputConfigurationError

TESTS = Path(__file__).parents[3]
WORDS = {
    "case.pt": "which is no part of TorchScript",
    "twice.pt": "are one to some readers",
    "inductor.pt2": "It holds machine code",
    "expression.pt2": "which is no part of a program of torch.export",
    "saved": "(WriteFile) reads or writes files",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of the models, and the one that they would write to."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("hostile")
    models, outside, library = (folder / name for name in ("models", "outside", "library.so"))
    models.mkdir()
    outside.mkdir()
    library.write_bytes(b"\x7fELF")  # it is not to be loaded
    command = [sys.executable, "-W", "ignore", "-m", "support.hostile_models", models, outside, library]
    subprocess.run(command, check=True, capture_output=True, cwd=TESTS)
    return models, outside


def refusal(framework: str, files: list[Path]) -> str:
    with pytest.raises(InputConfigurationError) as refused:
        frontends.loader(framework)(files, None)
    return str(refused.value)


@pytest.mark.parametrize("name", ["case.pt", "twice.pt", "inductor.pt2", "expression.pt2"])
def test_pytorch_files_are_refused_before_torch_reads_them(hostile: tuple[Path, Path], name: str) -> None:
    models, outside = hostile
    assert WORDS[name] in refusal("PYTORCH", [models / name])
    assert list(outside.iterdir()) == []


def test_a_saved_model_that_writes_when_loaded_is_refused(hostile: tuple[Path, Path]) -> None:
    if find_spec("tensorflow") is None:
        pytest.skip("without TensorFlow")
    models, outside = hostile
    files = sorted(path for path in (models / "saved").rglob("*") if path.is_file())
    assert WORDS["saved"] in refusal("TENSORFLOW", files)
    (models / "saved/saved_model.cpb").write_bytes(b"x")
    assert "saved_model.cpb is not read" in refusal("TENSORFLOW", files)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("m/code/__torch__.PY", "no part of TorchScript"),
        ("m/evil.so", "no part of TorchScript"),
        ("other/version", "no part of TorchScript"),
        ("m/data/AOTInductor/model/a.so", "machine code"),
    ],
)
def test_torchscript_has_no_other_members(hostile: tuple[Path, Path], name: str, words: str, tmp_path: Path) -> None:
    good = [item for item in members(hostile[0] / "twice.pt") if "/code/" not in item[0]]
    root = good[0][0].split("/")[0]
    write(tmp_path / "a.pt", [*good, (name.replace("m/", f"{root}/", 1), b"x")])
    assert words in refusal("PYTORCH", [tmp_path / "a.pt"])


def test_keras_files_are_what_their_ending_says(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    with zipfile.ZipFile(tmp_path / "a.h5", "w") as archive:  # h5py reads HDF5 behind other data
        archive.writestr("config.json", "{}")
    assert "Unable to" in refusal("KERAS", [tmp_path / "a.h5"])
    for name, words in (("config.JSON", "no part of a Keras model"), ("run.py", "no part of a Keras model")):
        write(tmp_path / "b.keras", [("config.json", b"{}"), ("metadata.json", b"{}"), (name, b"x")])
        found = refusal("KERAS", [tmp_path / "b.keras"])
        assert words in found or "one to some readers" in found
    write(tmp_path / "b.keras", [("config.json", b"{}"), ("config.json", b'{"class_name": "Lambda"}')])
    assert "one to some readers" in refusal("KERAS", [tmp_path / "b.keras"])
