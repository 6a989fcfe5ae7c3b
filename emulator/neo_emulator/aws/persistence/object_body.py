"""An object's bytes outside of moto: in the journal when small, in a file when large, never in memory at rest."""

from __future__ import annotations

import threading
import uuid
from typing import ClassVar

from neo_emulator.aws.persistence.journal import INLINE_BYTES, Journal


class _Position(threading.local):
    """moto reads one buffer from several threads without a lock: each thread has a place of its own."""

    body: Body | None = None
    at: int = 0


class Body:
    """Stands in for the SpooledTemporaryFile of a moto key, of which moto only ever replaces the whole content.

    Its bytes pass through two states: `pending` until a commit has written them, then in the journal.
    """

    journal: ClassVar[Journal]  # the one of this process; set once by capture.install
    _position: ClassVar[_Position] = _Position()

    def __init__(self, max_size: int = 0, *, name: str = "", size: int = 0) -> None:
        """`max_size` is moto's and of no use here; `name` and `size` are those of a body in the journal."""
        self.name, self.size = name, size
        self.pending: bytes | None = None  # a small body that no commit has written yet
        self.closed = False

    def write(self, data: bytes) -> int:
        """Replaces the content; a large one is on disk when this returns."""
        if self.name:
            self.journal.drop(self.name)
        self.name, self.size, self.pending = uuid.uuid4().hex, len(data), None
        if self.size <= INLINE_BYTES:
            self.pending = bytes(data)
        else:
            self.journal.write_file(self.name, data)
        return self.size

    def read(self, size: int = -1) -> bytes:
        """The bytes from this thread's position on. Raises ValueError when the body is gone."""
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
            raise ValueError("the body is gone") from error

    def seek(self, position: int) -> None:
        """Sets this thread's position."""
        self._position.body, self._position.at = self, position

    def truncate(self) -> None:
        """Nothing: moto writes the whole content next."""

    def close(self) -> None:
        """The key is gone; its bytes stay readable for the GETs already under way."""
        if self.name and not self.closed:
            self.closed = True
            self.journal.drop(self.name)
