import gzip
import io
import tarfile
import tracemalloc

import pytest
from e2e.compiling import tar_gz

from neo_compiler.artifact.bundle import Meta, target_meta
from neo_targets.registry import DEVICES
from neo_workers import artifacts
from neo_workers.artifacts import ArtifactFile

TARGET = target_meta(DEVICES["ml_c5"], [])
META = Meta("ONNX", "1", (), (), (), TARGET, {}).to_json().encode()


def test_files_and_metadata() -> None:
    data = tar_gz({"compiled.so": b"\x7fELF", "compiled.meta": META})
    found = artifacts.contents(data)
    assert found is not None
    assert found.files == (ArtifactFile("compiled.so", 4), ArtifactFile("compiled.meta", len(META)))
    assert (found.bytes, found.meta["library"]) == (len(data), "compiled.so")


def test_a_bomb_is_not_unpacked() -> None:
    zeros = bytes(1 << 20)
    out = io.BytesIO()
    with gzip.open(out, "wb", compresslevel=1) as file:
        header = tarfile.TarInfo("compiled.meta")
        header.size = 64 << 20
        file.write(header.tobuf())
        for _ in range(64):
            file.write(zeros)
    tracemalloc.start()
    assert artifacts.contents(out.getvalue()) is None
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 << 20
    many = tar_gz({f"f{number}": b"" for number in range(300)})
    assert artifacts.contents(many) is None


@pytest.mark.parametrize("text", [b"{", b"[" * 99_999, b'{"inputs":5}', b""], ids=["cut", "nested", "odd", "empty"])
def test_metadata_that_is_none(text: bytes) -> None:
    found = artifacts.contents(tar_gz({"compiled.meta": text}))
    assert found is not None
    assert (found.meta, len(found.files)) == ({}, 1)


@pytest.mark.parametrize(
    "data", [b"", b"no archive", tar_gz({"a": bytes(9999)})[:-20]], ids=["empty", "no archive", "cut short"]
)
def test_damaged_archives_are_none(data: bytes) -> None:
    assert artifacts.contents(data) is None


def test_bucket_and_key() -> None:
    assert artifacts.bucket_and_key("s3://b/out/model-ml_c5.tar.gz") == ("b", "out/model-ml_c5.tar.gz")
    with pytest.raises(ValueError, match="not an S3 URI"):
        artifacts.bucket_and_key("out/model.tar.gz")
