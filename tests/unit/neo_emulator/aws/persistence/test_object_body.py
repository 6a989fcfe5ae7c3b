import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from neo_emulator.aws.persistence.journal import INLINE_BYTES, Batch, Journal
from neo_emulator.aws.persistence.object_body import Body


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    monkeypatch.setattr(Body, "journal", opened, raising=False)
    yield opened
    opened.close()


def test_small_bodies_wait_for_a_commit(journal: Journal) -> None:
    body = Body(1 << 20)
    assert body.read() == b""
    body.write(b"hello")
    body.seek(0)
    assert (body.read(2), body.read(), body.pending) == (b"he", b"llo", b"hello")
    journal.commit(Batch(bodies=[(body.name, b"hello")]))
    body.pending = None
    body.seek(1)
    assert body.read() == b"ello"
    assert Body(name=body.name, size=5).read() == b"hello"


def test_large_bodies_are_files_at_once(journal: Journal) -> None:
    body, data = Body(), bytes(range(256)) * (INLINE_BYTES // 256) + b"1"
    body.write(data)
    assert body.pending is None
    assert journal.path(body.name).read_bytes() == data
    body.seek(0)
    assert b"".join(iter(lambda: body.read(10_000), b"")) == data


def test_each_thread_has_its_own_position() -> None:
    body = Body()
    body.write(b"0123456789")
    body.seek(5)
    seen: list[bytes] = []
    thread = threading.Thread(target=lambda: seen.append(body.read(3)))
    thread.start()
    thread.join()
    assert seen == [b"012"]
    assert body.read(1) == b"5"


def test_a_body_that_is_gone_is_a_closed_file(journal: Journal) -> None:
    for size in (5, INLINE_BYTES + 1):
        with pytest.raises(ValueError, match="deleted"):
            Body(name="missing", size=size).read()


def test_close_drops_once(journal: Journal) -> None:
    body = Body()
    body.write(b"1")
    body.close()
    body.close()
    assert len(journal._dropped) == 1
    body.seek(0)
    assert body.read() == b"1"
