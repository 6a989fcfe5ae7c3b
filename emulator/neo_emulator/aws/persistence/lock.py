"""One server per data folder, enforced by a file lock that is released when the last process holding it ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

LOCK = "lock"
PATIENCE_SECONDS = 3.0
"""How long to wait for a server that was just killed: its Valkey ends within a second."""


class FolderInUse(Exception):  # noqa: N818 - an expected outcome, not a fault
    """Another server uses the folder."""


def claim(folder: Path, patience_seconds: float = PATIENCE_SECONDS) -> int:
    """Creates the folder (mode 0700) if needed and locks it. Returns the lock's file descriptor: close it,
    or pass it to child processes that must end before another server may start. Raises FolderInUse if another server
    still holds the lock after `patience_seconds`, and OSError for a folder that cannot be used.
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
