import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from neo_emulator.aws.persistence import journal as module
from neo_emulator.aws.persistence.journal import Batch, Journal, JournalError


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


def test_rows_are_there_for_the_next_to_open_it_buckets_first(journal: Journal, tmp_path: Path) -> None:
    journal.commit(Batch(put=[("upload", "b", "u", b"3"), ("key", "b", "k", b"2"), ("bucket", "b", "", b"1")]))
    journal.commit(Batch(put=[("key", "b", "k", b"22")]))
    other = Journal(tmp_path)
    assert list(other.rows()) == [("bucket", "b", "", b"1"), ("key", "b", "k", b"22"), ("upload", "b", "u", b"3")]
    other.close()


def test_forget_takes_a_bucket_with_all_in_it_and_no_service_of_that_name(journal: Journal) -> None:
    rows = [
        ("bucket", "iam", "", b""),
        ("key", "iam", "k", b""),
        ("service", "iam", "1/aws", b"s"),
        ("key", "c", "", b""),
    ]
    journal.commit(Batch(put=rows))
    journal.commit(Batch(forget=["iam"], put=[("bucket", "iam", "", b"new")]))
    assert {row[:3] for row in journal.rows()} == {("bucket", "iam", ""), ("service", "iam", "1/aws"), ("key", "c", "")}


def test_a_failed_commit_changes_nothing(journal: Journal) -> None:
    journal.commit(Batch(put=[("key", "b", "k", b"1")]))
    broken = Batch(put=[("key", "b", "k", b"2"), ("key", "b", ["no text"], b"")])  # type: ignore[list-item]
    with pytest.raises(sqlite3.Error):
        journal.commit(broken)
    assert list(journal.rows()) == [("key", "b", "k", b"1")]
    journal.commit(Batch(remove=[("key", "b", "k")]))
    assert list(journal.rows()) == []


def test_bodies(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.commit(Batch(bodies=[("small", b"1")]))
    journal.write_file("abc", b"2")
    assert (journal.read_row("small"), journal.path("abc").read_bytes()) == (b"1", b"2")
    journal.drop("small")
    journal.drop("abc")
    journal.commit(Batch(put=[("key", "b", "k", b"")]))
    assert journal.read_row("small") == b"1"  # a GET may still read it
    monkeypatch.setattr(module, "GRACE_SECONDS", 0)
    journal.commit(Batch())
    with pytest.raises(ValueError, match="deleted"):
        journal.read_row("small")
    assert not journal.path("abc").exists()


def test_sweep_keeps_what_is_used(journal: Journal) -> None:
    journal.commit(Batch(bodies=[("a", b"1"), ("b", b"1")]))
    for name in ("c", "d"):
        journal.write_file(name, b"2")
    assert journal.sweep({"a", "c"}) == 2
    assert journal.read_row("a") == b"1"
    assert journal.path("c").exists()
    assert not journal.path("d").exists()


def test_clear(journal: Journal) -> None:
    journal.write_file("c", b"2")
    journal.commit(Batch(put=[("key", "b", "k", b"")], bodies=[("a", b"1")]))
    journal.clear()
    assert list(journal.rows()) == []
    assert journal.sweep(set()) == 0


def test_another_layout_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.set_meta("layout", "99")
    journal.close()
    with pytest.raises(JournalError, match="has layout 99, this version reads layout 1"):
        Journal(tmp_path)
