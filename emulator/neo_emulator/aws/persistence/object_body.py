"""An object's bytes outside moto: a row of the journal if small, a file if large; not kept in memory."""

from __future__ import annotations

import threading
import uuid
from typing import ClassVar

from neo_emulator.aws.persistence.journal import INLINE_BYTES, Journal


class _Position(threading.local):
    """The read position, one per thread: moto reads one buffer from several threads without a lock."""

    body: Body | None = None
    at: int = 0


class Body:
    """Replaces the SpooledTemporaryFile of a moto key; moto only ever overwrites its entire content.

    Its bytes are `pending` until a commit has written them to the journal.
    """

    journal: ClassVar[Journal]  # the process's journal, set once by change_tracking.install
    _position: ClassVar[_Position] = _Position()

    def __init__(self, max_size: int = 0, *, name: str = "", size: int = 0) -> None:
        """`max_size` is moto's and ignored; `name` and `size` (bytes) are those of a body in the journal."""
        self.name, self.size = name, size
        self.pending: bytes | None = None  # a small body that no commit has written yet
        self.closed = False

    def write(self, data: bytes) -> int:
        """Replaces the content; a large one is on disk when this returns. Returns the number of bytes.

        Raises OSError, and keeps the content, when the disk is full.
        """
        name, old = uuid.uuid4().hex, self.name
        if len(data) > INLINE_BYTES:
            self.journal.write_file(name, data)
        self.name, self.size = name, len(data)
        self.pending = bytes(data) if self.size <= INLINE_BYTES else None
        if old:
            self.journal.drop(old)
        return self.size

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes from this thread's position (-1: to the end). Raises ValueError if it was deleted."""
        at = self._position.at if self._position.body is self else 0
        chunk = self._chunk(at, size)
        self._position.body, self._position.at = self, at + len(chunk)
        return chunk

    def _chunk(self, at: int, size: int) -> bytes:
        if not self.name:
            return b""
        small = self.pending  # another thread's commit may set it to None
        if small is None and self.size <= INLINE_BYTES:
            small = self.journal.read_row(self.name)
        if small is not None:
            return small[at:] if size < 0 else small[at : at + size]
        try:
            with self.journal.path(self.name).open("rb") as file:
                file.seek(at)
                return file.read(size)
        except FileNotFoundError as error:
            raise ValueError("the body was deleted") from error

    def seek(self, position: int) -> None:
        """Sets this thread's position."""
        self._position.body, self._position.at = self, position

    def truncate(self) -> None:
        """Does nothing: moto writes the complete content next."""

    def close(self) -> None:
        """Called when the key is deleted; its bytes stay readable for GET requests in progress."""
        if self.name and not self.closed:
            self.closed = True
            self.journal.drop(self.name)
