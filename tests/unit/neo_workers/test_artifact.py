import hashlib
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from neo_targets.registry import DEVICES
from neo_workers.artifact import Meta, TensorMeta, digest, target_meta, write

META = Meta(
    framework="ONNX",
    framework_version="opset 17",
    inputs=(TensorMeta("data", (1, 3), "float32"),),
    outputs=(TensorMeta("found", None, "int64"),),
    weights=(TensorMeta("p0", (3, 4), "float32"),),
    target=target_meta(DEVICES["jetson_xavier"], ["asimdhp"]),
    versions={"tvm": "0.27"},
)


def files(folder: Path) -> tuple[Path, Path]:
    folder.mkdir()
    (folder / "compiled.so").write_bytes(b"code")
    (folder / "compiled.params").write_bytes(b"weights")
    return folder / "compiled.so", folder / "compiled.params"


def test_meta_round_trip() -> None:
    assert Meta.from_json(META.to_json()) == replace(META, target=json.loads(json.dumps(META.target)))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": [], "outputs": [], "weights": [], "other": 1}'])
def test_what_is_no_meta(text: str) -> None:
    with pytest.raises(ValueError):
        Meta.from_json(text)


def test_target_says_what_is_not_there() -> None:
    assert META.target["not_compiled"] == ["TensorRT: kernels are TVM's own"]
    assert META.target["device"]["arch"] == "sm_72"


def test_write(tmp_path: Path) -> None:
    result = write(*files(tmp_path / "a"), META, tmp_path / "a.tar.gz")
    assert result == hashlib.blake2b((tmp_path / "a.tar.gz").read_bytes()).hexdigest()
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        assert tar.getnames() == ["compiled.meta", "compiled.params", "compiled.so", "manifest"]
        manifest = json.load(tar.extractfile("manifest"))  # type: ignore[arg-type]
    assert manifest["files"]["compiled.so"] == {"bytes": 4, "blake2b": hashlib.blake2b(b"code").hexdigest()}
    assert manifest["runtime"] == {"name": "apache-tvm", "version": "0.27"}


def test_write_is_deterministic(tmp_path: Path) -> None:
    first = write(*files(tmp_path / "a"), META, tmp_path / "a.tar.gz")
    assert write(*files(tmp_path / "b"), META, tmp_path / "b.tar.gz") == first


def test_digest_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert digest(tmp_path / "empty").startswith("786a02f742015903")
