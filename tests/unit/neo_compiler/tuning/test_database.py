"""The file that tuning keeps: shared, torn, damaged, foreign."""

from __future__ import annotations

import json
import multiprocessing
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neo_compiler.tuning import database as module
from neo_compiler.tuning.database import FILE, Database, digest
from neo_targets import registry

C5, M4 = registry.resolve({"TargetDevice": "ml_c5"}), registry.resolve({"TargetDevice": "ml_m4"})


def add(database: Database, product: str, tile: str = "8x16", chosen: str = "7x32") -> None:
    database.add(product, tile, chosen, 0.9, 1.0)


def read(folder: Path, spec: Any = C5) -> Database:
    database = Database(folder, spec)
    database.read()
    return database


def test_what_was_added_is_read_again(tmp_path: Path) -> None:
    first = Database(tmp_path / "made", C5)
    add(first, "a")
    add(first, "b", "7x32")  # tried, nothing was faster
    again = read(tmp_path / "made")
    assert again.entries == first.entries
    assert again.entries["a"].cpu
    assert again.tiles == {"a": "8x16"}
    assert again.digest == first.digest != ""


def test_the_last_entry_of_a_product_holds(tmp_path: Path) -> None:
    database = Database(tmp_path, C5)
    for tile in ("8x16", "9x16"):
        add(database, "a", tile)
    assert read(tmp_path).tiles == {"a": "9x16"}


def test_other_machines_and_other_templates_have_entries_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(Database(tmp_path, M4), "a")
    assert read(tmp_path).entries == {}
    assert set(read(tmp_path, M4).entries) == {"a"}
    monkeypatch.setattr(module, "templates", lambda: "of another version")
    assert read(tmp_path, M4).entries == {}


def test_only_winners_count_for_the_digest() -> None:
    database = Database(None, C5)
    assert database.digest == digest({}) == ""
    add(database, "a", "7x32")
    assert database.digest == ""
    add(database, "b")
    before = database.digest
    database.entries["c"] = replace(database.entries["b"], product="c", seconds=0.5, cpu="another")
    assert before != database.digest == digest({"c": "8x16", "b": "8x16"})


def test_a_line_torn_anywhere_costs_no_other(tmp_path: Path) -> None:
    add(Database(tmp_path, C5), "a")
    whole = (tmp_path / FILE).read_bytes()
    for end in range(len(whole)):
        (tmp_path / FILE).write_bytes(whole + whole.replace(b'"a"', b'"b"')[:end])
        assert set(read(tmp_path).entries) == {"a"}
        add(Database(tmp_path, C5), "c")
        assert set(read(tmp_path).entries) == {"a", "c"}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"zz {}",
        b"00000000 ",
        *(b"%08x %s" % (zlib.crc32(t), t) for t in (b"1", b"{}", b"[1]")),
    ],
)
def test_what_is_no_entry_is_ignored(line: bytes, tmp_path: Path) -> None:
    database = Database(tmp_path, C5)
    add(database, "a")
    with (tmp_path / FILE).open("ab") as file:
        file.write(line + b"\n")
    add(database, "b")
    assert set(read(tmp_path).entries) == {"a", "b"}


def test_a_changed_byte_voids_its_line(tmp_path: Path) -> None:
    add(Database(tmp_path, C5), "a")
    text = (tmp_path / FILE).read_bytes()
    for at in range(len(text) - 1):
        (tmp_path / FILE).write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :])
        assert read(tmp_path).entries == {}


def test_a_file_that_cannot_be_used_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).mkdir()
    database = read(tmp_path)
    assert database.entries == {}
    with pytest.raises(OSError):
        add(database, "a")
    assert database.tiles == {"a": "8x16"}  # for this job all the same
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(OSError, match="is full"):
        add(Database(tmp_path / "other", C5), "a")


def write(folder: Path, number: int, count: int) -> None:
    database = Database(folder, C5)
    for index in range(count):
        add(database, f"{number} {index} {'x' * 500 * number}")


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=write, args=(tmp_path, number, 40)) for number in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    names = {name.rpartition(" ")[0] for name in read(tmp_path).entries}
    assert names == {f"{number} {index}" for number in range(6) for index in range(40)}
    assert all(json.loads(line.partition(b" ")[2]) for line in (tmp_path / FILE).read_bytes().splitlines())
