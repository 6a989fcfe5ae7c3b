"""Space on the disk that is kept free, so that objects can be deleted when the disk is full."""

from __future__ import annotations

import contextlib
from pathlib import Path

RESERVED_BYTES = 1 << 20
"""Enough for SQLite to write the deletion of thousands of objects."""


class Reserve:
    """A file that takes up RESERVED_BYTES."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = path.exists() and path.stat().st_size == RESERVED_BYTES

    def take(self) -> None:
        """Takes up the space, where it is not taken up yet and the disk has it."""
        if not self._held:
            try:
                self._path.write_bytes(bytes(RESERVED_BYTES))
                self._held = True
            except OSError:
                self.release()

    def release(self) -> bool:
        """Frees the space. Returns whether there was any."""
        held, self._held = self._held, False
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        return held
