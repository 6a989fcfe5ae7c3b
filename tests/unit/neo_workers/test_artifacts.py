import pytest
from e2e.compiling import tar_gz

from neo_workers import artifacts
from neo_workers.artifacts import ArtifactFile


def test_files_and_metadata() -> None:
    data = tar_gz({"compiled.so": b"\x7fELF", "compiled.meta": b'{"library": "compiled.so"}'})
    found = artifacts.contents(data)
    assert found is not None
    assert found.files == (ArtifactFile("compiled.so", 4), ArtifactFile("compiled.meta", 26))
    assert (found.bytes, found.meta) == (len(data), {"library": "compiled.so"})


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", tar_gz({"a": bytes(9999)})[:-20], tar_gz({"compiled.meta": b"{"})],
    ids=["empty", "no archive", "cut short", "metadata that is not JSON"],
)
def test_damaged_archives_are_none(data: bytes) -> None:
    assert artifacts.contents(data) is None


def test_bucket_and_key() -> None:
    assert artifacts.bucket_and_key("s3://b/out/model-ml_c5.tar.gz") == ("b", "out/model-ml_c5.tar.gz")
    with pytest.raises(ValueError, match="not an S3 URI"):
        artifacts.bucket_and_key("out/model.tar.gz")
