"""What is left of a damaged journal. Source: sqlite.org/fileformat2.html, "The Write-Ahead Log"."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import time
from collections.abc import Iterator
from pathlib import Path

_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24


def transactions(wal: Path) -> list[int]:
    """Returns the number of the last frame of each transaction in a write-ahead log, those behind damage included.

    Frames count from 1. Frames of an earlier use of the file do not count: their salts differ.
    """
    with contextlib.suppress(FileNotFoundError), wal.open("rb") as file:
        head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            return []
        page_bytes, salts = struct.unpack(">I", head[8:12])[0], head[16:24]
        ends, number = [], 0
        while len(frame := file.read(_FRAME_HEADER_BYTES + page_bytes)) == _FRAME_HEADER_BYTES + page_bytes:
            number += 1
            if frame[8:16] == salts and frame[4:8] != bytes(4):  # the database's size after a commit
                ends.append(number)
        return ends
    return []


def salvage(path: Path, tables: str) -> tuple[Path, int]:
    """Moves a damaged database aside and writes what can still be read of it to a new one at `path`.

    `tables` is the SQL that creates the tables. Returns the damaged file's new name and the number of rows kept.
    """
    damaged = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}")
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(damaged.with_name(damaged.name + ending))
    kept = 0
    with contextlib.closing(sqlite3.connect(path)) as new, contextlib.closing(sqlite3.connect(damaged)) as old:
        new.executescript(tables)
        for table, columns, key in (("meta", 2, "name"), ("rows", 4, "kind, place, name"), ("bodies", 2, "name")):
            marks = ",".join("?" * columns)
            for row in _readable(old, table, key):
                kept += new.execute(f"insert or ignore into {table} values({marks})", row).rowcount
        new.commit()
    return damaged, kept


def _readable(database: sqlite3.Connection, table: str, key: str) -> Iterator[tuple[object, ...]]:
    """The rows of a table up to the damage: from the beginning, from the end, and in the order they are stored."""
    descending = ", ".join(f"{name} desc" for name in key.split(", "))
    for order in (f"order by {key}", f"order by {descending}", ""):
        with contextlib.suppress(sqlite3.DatabaseError):
            yield from database.execute(f"select * from {table} {order}")
