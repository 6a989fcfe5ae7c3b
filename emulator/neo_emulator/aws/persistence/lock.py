"""One server per data folder, held by a lock that ends with the last process that was given it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

LOCK = "lock"
PATIENCE_SECONDS = 3.0
"""How long a server that was just killed may keep the folder: its Valkey ends within a second."""


class FolderInUse(Exception):  # noqa: N818 - it is an answer, not a fault
    """Another server has the folder."""


def claim(folder: Path, patience_seconds: float = PATIENCE_SECONDS) -> int:
    """Makes the folder (0700) when needed and locks it; the descriptor to close, or to hand to processes that must end
    before the next server may begin. Raises FolderInUse, and OSError for a folder that cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise FolderInUse(f"the data folder {folder} is in use by another neo-emulator") from error
        time.sleep(0.05)
