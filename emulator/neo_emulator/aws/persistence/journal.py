"""The storage on disk: one SQLite file in WAL mode, and a file for each large object.

    journal.sqlite   meta(name, value)  rows(kind, place, name, data)  bodies(name, data)
    bodies/ab/<id>   one body each; the id is never used again

Once `commit` has returned, the data survives a SIGKILL, and with `fsync` also a power failure.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from neo_emulator.aws.persistence import recovery
from neo_emulator.aws.persistence.reserve import Reserve

INLINE_BYTES = 64 << 10
"""Bodies up to this size are rows, larger ones files."""

GRACE_SECONDS = 5.0
"""How long a dropped body stays readable for GET requests in progress."""

LAYOUT = "1"
_TABLES = """
create table if not exists meta(name text primary key, value text);
create table if not exists rows(kind text, place text, name text, data blob, primary key(kind, place, name))
    without rowid;
create table if not exists bodies(name text primary key, data blob);
"""

log = logging.getLogger(__name__)

Row = tuple[str, str, str, bytes]
"""kind, place (bucket, service), name (key, upload, account/region), data"""


class JournalError(Exception):
    """The folder was written in a layout that this version cannot read."""


@dataclass
class Batch:
    """The changes of one transaction, applied in this order: forget places, remove rows, write `put`."""

    forget: list[str] = field(default_factory=list)  # buckets
    remove: list[tuple[str, str, str]] = field(default_factory=list)
    put: list[Row] = field(default_factory=list)
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.forget or self.remove or self.put or self.bodies)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Journal:
    """The open journal of one data folder. Only one thread at a time may call `commit`; the rest is thread-safe."""

    def __init__(self, folder: Path, fsync: bool = False) -> None:
        """Raises JournalError for a journal of another layout."""
        self._fsync = fsync
        self._bodies = folder / "bodies"
        self._bodies.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "journal.sqlite"
        self._reserve = Reserve(folder / "reserve")
        self._open()
        self._reading = Lock()
        self._dropped: deque[tuple[float, str]] = deque()
        if (layout := self.meta("layout") or LAYOUT) != LAYOUT:
            raise JournalError(f"{self._path} has layout {layout}, this version reads layout {LAYOUT}")
        self.set_meta("layout", LAYOUT)

    def _open(self) -> None:
        """Opens the file. Of a damaged one it keeps what can be read, and logs what was lost."""
        ends = recovery.transactions(self._path.with_name(self._path.name + "-wal"))
        try:
            self._writer, frames = self._connect_and_check()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_CORRUPT:  # locked, read-only, no space, another kind of file
                raise
            damaged, kept = recovery.salvage(self._path, _TABLES)
            text = "%s is damaged (%s): %d rows could be read and are kept, the rest is lost; the damaged file is %s"
            log.error(text, self._path, error, kept, damaged.name)
            self._writer, _ = self._connect_and_check()
        else:
            if lost := sum(end > frames for end in ends):
                text = "the write-ahead log of %s is damaged: at least its last %d changes are lost"
                log.error(text, self._path, lost)
        self._reader = self._connect()

    def _connect_and_check(self) -> tuple[sqlite3.Connection, int]:
        """A connection, and the number of frames in the write-ahead log. Raises DatabaseError for a damaged file."""
        connection = self._connect()
        try:
            connection.executescript(_TABLES)
            connection.execute("select max(substr(data, -1)) from rows").fetchone()  # reads all of their pages
            return connection, int(connection.execute("pragma wal_checkpoint(passive)").fetchone()[1])
        except BaseException:
            connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("pragma journal_mode=wal")
            connection.execute(f"pragma synchronous={'full' if self._fsync else 'normal'}")
        except BaseException:
            connection.close()
            raise
        return connection

    def meta(self, name: str) -> str | None:
        """A property of the journal itself, None if it was never set."""
        row = self._writer.execute("select value from meta where name=?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        """Sets a property of the journal itself."""
        self._writer.execute("insert or replace into meta values(?,?)", (name, value))

    # bodies

    def path(self, name: str) -> Path:
        """The file of a large body."""
        return self._bodies / name[:2] / name

    def write_file(self, name: str, data: bytes) -> None:
        """Writes a large body. Unless a committed row refers to it, the next start deletes it. Raises OSError."""
        path = self.path(name)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        try:
            try:
                path.write_bytes(data)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                self._free()
                path.write_bytes(data)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        if self._fsync:
            for place in (path, path.parent, self._bodies):
                _sync(place)

    def read_row(self, name: str) -> bytes:
        """A small body. Raises ValueError if it was deleted, as reading a closed file does."""
        with self._reading:
            row = self._reader.execute("select data from bodies where name=?", (name,)).fetchone()
        if row is None:
            raise ValueError("the body was deleted")
        return bytes(row[0])

    def drop(self, name: str) -> None:
        """Schedules a body for removal by a commit at least GRACE_SECONDS later."""
        self._dropped.append((time.monotonic(), name))

    # rows

    def rows(self) -> Iterable[Row]:
        """Every row; a bucket comes before its keys and uploads."""
        yield from self._writer.execute("select kind, place, name, data from rows order by kind")

    def commit(self, batch: Batch) -> None:
        """Writes the batch atomically: raises sqlite3.Error and changes nothing if it fails.

        A batch that deletes is written on a full disk, too: to the space that is reserved for it.
        """
        try:
            self._commit(batch)
        except sqlite3.OperationalError as error:
            deletes = batch.remove or batch.forget
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not deletes or not self._reserve.release():
                raise
            self._commit(batch)
            self._free()
        self._reserve.take()

    def _commit(self, batch: Batch) -> None:
        before = time.monotonic() - GRACE_SECONDS
        old = [name for dropped, name in list(self._dropped) if dropped < before]
        if not batch and not old:
            return
        run = self._writer.executemany
        self._writer.execute("begin immediate")
        try:
            for kind in ("bucket", "key", "upload"):
                run("delete from rows where kind=? and place=?", [(kind, place) for place in batch.forget])
            run("delete from rows where kind=? and place=? and name=?", batch.remove)
            run("insert or replace into bodies values(?,?)", batch.bodies)
            run("insert or replace into rows values(?,?,?,?)", batch.put)
            run("delete from bodies where name=?", [(name,) for name in old])
            self._writer.execute("commit")
        except BaseException:
            if self._writer.in_transaction:  # SQLite itself rolls back what does not fit on the disk
                self._writer.execute("rollback")
            raise
        for name in old:
            self._dropped.popleft()
            self.path(name).unlink(missing_ok=True)

    def _free(self) -> None:
        """Removes the files of all dropped bodies: on a full disk no GET request has time to finish."""
        for _, name in list(self._dropped):
            self.path(name).unlink(missing_ok=True)

    def sweep(self, used: set[str]) -> int:
        """Removes every body that is not in `used`. Returns how many were removed."""
        names = [name for (name,) in self._writer.execute("select name from bodies") if name not in used]
        self._writer.executemany("delete from bodies where name=?", [(name,) for name in names])
        files = [path for path in self._bodies.glob("*/*") if path.name not in used]
        for path in files:
            path.unlink(missing_ok=True)
        return len(names) + len(files)

    def clear(self) -> None:
        """Deletes all rows and bodies."""
        self._writer.executescript("begin; delete from rows; delete from bodies; commit")
        self._dropped.clear()
        self.sweep(set())

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()
        self._writer.close()
