"""Damaged journals and full disks."""

from __future__ import annotations

import errno
import logging
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from neo_emulator.aws.persistence.journal import Batch, Journal
from neo_emulator.aws.persistence.object_body import Body
from neo_emulator.aws.persistence.reserve import RESERVED_BYTES

COUNT = 40


def filled(folder: Path) -> Journal:
    """A journal with COUNT keys of 8 KiB, each of a transaction of its own; it stays open, as after a SIGKILL."""
    journal = Journal(folder)
    for number in range(COUNT):
        journal.commit(Batch(put=[("key", "b", f"k{number:02}", bytes([number]) * 8192)]))
    return journal


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """The files of a server that was killed."""
    journal = filled(tmp_path / "live")
    shutil.copytree(tmp_path / "live", tmp_path / "copy")
    yield tmp_path / "copy"
    journal.close()


def kept(folder: Path, changed: int = 0) -> list[str]:
    """The names of the keys. SQLite has no checksums: of up to `changed` keys the data may differ."""
    journal = Journal(folder)
    rows = list(journal.rows())
    journal.close()
    assert sum(row[3] != bytes([int(row[2][1:])]) * 8192 for row in rows) <= changed
    return [row[2] for row in rows]


def damage(path: Path, at: float, size: int = 64) -> None:
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * at))
        file.write(b"\xa5" * size)


def test_nothing_is_said_of_a_log_that_is_whole(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(kept(copy)) == COUNT
    assert caplog.text == ""


def test_a_transaction_that_was_cut_short_was_never_acknowledged(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    wal = copy / "journal.sqlite-wal"
    with wal.open("r+b") as file:
        file.truncate(wal.stat().st_size - 100)
    assert len(kept(copy)) == COUNT - 1
    assert caplog.text == ""


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_damaged_log_says_how_many_changes_are_lost(copy: Path, at: float, caplog: pytest.LogCaptureFixture) -> None:
    damage(copy / "journal.sqlite-wal", at)
    with caplog.at_level(logging.ERROR):
        names = kept(copy)
    assert names == [f"k{number:02}" for number in range(len(names))]
    assert 0 < len(names) < COUNT
    (lost,) = re.findall(r"is damaged: at least its last (\d+) changes are lost", caplog.text)
    assert COUNT - len(names) - 1 <= int(lost) <= COUNT - len(names)  # the end of one may be what is damaged


@pytest.mark.parametrize("at", [0.2, 0.4, 0.6, 0.95])
def test_of_a_damaged_file_the_rest_is_kept(tmp_path: Path, at: float, caplog: pytest.LogCaptureFixture) -> None:
    filled(tmp_path / "j").close()  # all is in the main file
    damage(tmp_path / "j" / "journal.sqlite", at, 4096)
    with caplog.at_level(logging.ERROR):
        names = kept(tmp_path / "j", changed=2)
    if len(names) < COUNT:
        assert f" {len(names) + 1} rows could be read and are kept" in caplog.text
        assert list((tmp_path / "j").glob("journal.sqlite.damaged-*"))
    assert len(names) > COUNT // 2
    assert kept(tmp_path / "j", changed=2) == names  # and once more


def test_a_file_that_is_not_a_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"not a database " * 1000)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        Journal(tmp_path)
    assert (tmp_path / "journal.sqlite").read_bytes().startswith(b"not a database")


class Full:
    """A connection on a disk that is full until the reserve is given up."""

    def __init__(self, connection: sqlite3.Connection, reserve: Path) -> None:
        self._connection, self._reserve = connection, reserve

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, sql: str, *arguments: object) -> object:
        if sql == "commit" and self._reserve.exists():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self._connection.execute(sql, *arguments)


def test_deleting_is_possible_on_a_full_disk(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    journal.write_file("large", b"x")
    reserve = tmp_path / "reserve"
    assert reserve.stat().st_size == RESERVED_BYTES
    journal._writer = Full(journal._writer, reserve)  # type: ignore[assignment]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        journal.commit(Batch(put=[("key", "b", "new", b"")], bodies=[("new", b"1")]))
    assert reserve.exists()
    journal.drop("large")
    journal.commit(Batch(remove=[("key", "b", "k00")]))
    assert "k00" not in [row[2] for row in journal.rows()]
    assert not journal.path("large").exists()
    assert reserve.exists()  # taken again
    journal.close()


def test_a_body_that_does_not_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    monkeypatch.setattr(Body, "journal", journal, raising=False)
    body = Body()
    body.write(b"1" * 100_000)
    before = sorted((tmp_path / "bodies").glob("*/*"))

    def full(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        body.write(b"2" * 200_000)
    assert sorted((tmp_path / "bodies").glob("*/*")) == before
    assert (body.size, body.read(3)) == (100_000, b"111")
    journal.close()
