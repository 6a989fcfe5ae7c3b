import io
import json
import tarfile

from neo_emulator.control.dashboard.contents import ContentsCache


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("compiled.so"))
    return buffer.getvalue()


def test_an_artifact_is_read_once_for_each_digest() -> None:
    reads: list[str] = []

    def read(uri: str) -> bytes:
        reads.append(uri)
        return archive()

    cache = ContentsCache(read)
    first = cache.get("s3://b/a.tar.gz", "1")
    assert first is not None
    assert [file.name for file in first.files] == ["compiled.so"]
    assert cache.get("s3://b/a.tar.gz", "1") is first
    cache.get("s3://b/a.tar.gz", "2")
    assert len(reads) == 2


def test_what_cannot_be_read_is_tried_again() -> None:
    found: list[bytes | None] = [None, b"damaged", archive()]
    cache = ContentsCache(lambda uri: found.pop(0))
    assert cache.get("s3://b/a", json.dumps({})) is None
    assert cache.get("s3://b/a", json.dumps({})) is None
    assert cache.get("s3://b/a", json.dumps({})) is not None
