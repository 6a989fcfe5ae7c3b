"""The bytes of S3's objects in memory: each object's are written once and stay readable for all who are reading.

moto keeps them in a file object that all threads share, with one position, and closes it as soon as the object is
overwritten; a GET under way then fails, and so does a PUT whose answer is still to be made.
Source: moto 5.2.5, s3/models.py (FakeKey); a contract test covers what is replaced.
"""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from types import SimpleNamespace
from typing import Any, ClassVar

LARGE_BYTES = 5 << 20
"""Larger objects are on disk, as moto's own are."""


class _Position(threading.local):
    buffer: ObjectBuffer | None = None
    at: int = 0


class ObjectBuffer:
    """Stands in for the SpooledTemporaryFile of a moto key, of which moto only ever replaces the whole content."""

    _position: ClassVar[_Position] = _Position()

    def __init__(self, max_size: int = 0) -> None:
        self._most = max_size or LARGE_BYTES
        self._data = b""
        self._file: int | None = None  # a descriptor of a file without a name
        self.size = 0

    def write(self, data: bytes) -> int:
        """Replaces the content."""
        self.size = len(data)
        if self.size <= self._most:
            self._data, self._file = bytes(data), None
        else:
            with tempfile.TemporaryFile() as file:
                file.write(data)
                file.flush()
                self._data, self._file = b"", os.dup(file.fileno())
            weakref.finalize(self, os.close, self._file)
        return self.size

    def read(self, size: int = -1) -> bytes:
        """The bytes from this thread's position on."""
        at = self._position.at if self._position.buffer is self else 0
        end = self.size if size < 0 else min(self.size, at + size)
        chunk = self._data[at:end] if self._file is None else _read(self._file, at, end)
        self._position.buffer, self._position.at = self, at + len(chunk)
        return chunk

    def seek(self, position: int) -> None:
        """Sets this thread's position."""
        self._position.buffer, self._position.at = self, position

    def truncate(self) -> None:
        """Nothing: moto writes the whole content next."""

    def close(self) -> None:
        """Nothing: the bytes go with the last who reads them."""


def _read(file: int, at: int, end: int) -> bytes:
    pieces = []
    while at < end and (piece := os.pread(file, end - at, at)):
        pieces.append(piece)
        at += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class NoInstances(list[Any]):
    """Takes nothing in: moto would keep every object ever made alive."""

    def append(self, item: Any) -> None:
        """Does nothing."""


def install() -> None:
    """Puts the buffers into moto, before any bucket exists; a data folder's own stay."""
    from moto.s3 import models as s3

    if s3.tempfile is tempfile:
        s3.tempfile = SimpleNamespace(SpooledTemporaryFile=ObjectBuffer)
    forget_instances()


def forget_instances() -> None:
    """Keeps moto from remembering every object. To be called again after moto's own reset."""
    from moto.s3 import models as s3

    s3.FakeKey.instances_tracked = NoInstances()
