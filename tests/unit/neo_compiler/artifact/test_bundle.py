import hashlib
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from neo_compiler.artifact.bundle import (
    META_BYTES,
    Meta,
    TensorMeta,
    digest,
    read_archive_meta,
    read_meta,
    static_runtime,
    target_meta,
    vm_runtime,
    write,
)
from neo_targets.registry import DEVICES
from neo_targets.runtime import source_hash

SPEC = DEVICES["jetson_xavier"]
META = Meta(
    framework="ONNX",
    framework_version="opset 17",
    inputs=(TensorMeta("data", (1, 3), "float32"),),
    outputs=(TensorMeta("found", None, "int64"),),
    weights=(TensorMeta("p0", (3, 4), "float32"),),
    target=target_meta(SPEC, ["asimdhp"]),
    versions={"tvm": "0.27"},
    runtime=vm_runtime("0.27", "its kernels run on a GPU"),
)


def files(folder: Path) -> list[Path]:
    folder.mkdir()
    contents = {"compiled.so": b"code", "compiled.params": b"weights", "compiled_model.json": b"{}"}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in contents]


def test_meta_round_trip() -> None:
    assert Meta.from_json(META.to_json()) == replace(META, target=json.loads(json.dumps(META.target)))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": [], "outputs": [], "weights": [], "other": 1}'])
def test_what_is_no_meta(text: str) -> None:
    with pytest.raises(ValueError):
        Meta.from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        *("[[[[", "[" * 100_000, '{"inputs":5}', "null", '"x"', "\x00", "{" * 5000, '{"a":' * 20_000),
        *(META.to_json().replace('"float32"', '"../x"'), META.to_json().replace("[\n    1,", '[\n    "x",')),
        META.to_json().replace('"compiled.so"', '"../../tmp/evil.so"'),
        META.to_json().replace('"compiled.so"', '"/tmp/evil.so"'),
        META.to_json()
        .replace('"mcpu":', '"other": [], "mcpu": 5, "mcpu":')
        .replace('"cpu_flags": [', '"cpu_flags": [5, '),
        replace(META, runtime={"name": "libdlr", "library": "../evil.so"}).to_json(),
        replace(META, runtime={"name": "libdlr", "library": ".."}).to_json(),
        replace(META, target={"name": "x"}).to_json(),
    ],
)
def test_what_a_stranger_may_have_written(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a compiled\.meta") as refused:
        Meta.from_json(text)
    assert len(str(refused.value)) < 5000


def test_an_archive_s_meta_is_read_within_bounds(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"

    def make(name: str, size: int) -> None:
        with tarfile.open(archive, "w:gz") as tar, (tmp_path / "zeros").open("rb") as zeros:
            member = tarfile.TarInfo(name)
            member.size = size
            tar.addfile(member, zeros)

    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(META_BYTES * 2)  # a sparse file
    make("compiled.meta", META_BYTES + 1)
    with pytest.raises(ValueError, match="bytes"):
        read_archive_meta(archive)
    make("other", 5)
    with pytest.raises(ValueError, match=r"no compiled\.meta"):
        read_archive_meta(archive)
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(ValueError, match="not an artifact"):
        read_archive_meta(archive)
    write(files(tmp_path / "a"), SPEC, META, archive)
    assert read_archive_meta(archive).inputs == META.inputs


def test_target_says_what_is_not_there() -> None:
    assert META.target["not_compiled"] == ["TensorRT: kernels are TVM's own"]
    assert META.target["device"]["arch"] == "sm_72"


def test_write(tmp_path: Path) -> None:
    result = write(files(tmp_path / "a"), SPEC, META, tmp_path / "a.tar.gz")
    assert result == hashlib.blake2b((tmp_path / "a.tar.gz").read_bytes()).hexdigest()
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        assert tar.getnames() == [
            *("compiled.meta", "compiled.params", "compiled.so", "compiled_model.json"),
            *("dlr.h", "libdlr.so", "manifest"),
        ]
        names = set(tar.getnames())
        manifest = json.load(tar.extractfile("manifest"))  # type: ignore[arg-type]
        library = tar.extractfile("libdlr.so").read()  # type: ignore[union-attr]
    assert manifest["files"]["compiled.so"] == {"bytes": 4, "blake2b": hashlib.blake2b(b"code").hexdigest()}
    assert set(manifest["files"]) == names - {"manifest"}
    assert manifest["runtime"] == {"name": "apache-tvm", "version": "0.27", "reason": "its kernels run on a GPU"}
    assert library == SPEC.runtime.path.read_bytes()


def test_write_is_deterministic(tmp_path: Path) -> None:
    first = write(files(tmp_path / "a"), SPEC, META, tmp_path / "a.tar.gz")
    assert write(files(tmp_path / "b"), SPEC, META, tmp_path / "b.tar.gz") == first


def test_static_or_not() -> None:
    static = static_runtime(DEVICES["ml_c5"])
    assert static == {"name": "libdlr", "library": "libdlr.so", "sources": source_hash()}
    assert replace(META, runtime=static).static
    assert not META.static


def test_read_meta(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no compiled\.meta"):
        read_meta(tmp_path)
    write(files(tmp_path / "a"), SPEC, META, tmp_path / "a.tar.gz")
    assert read_meta(tmp_path / "a") == replace(META, target=json.loads(json.dumps(META.target)))


def test_digest_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert digest(tmp_path / "empty").startswith("786a02f742015903")
