"""A process of the embedded stack that ends with its parent and is restarted when it ends by itself."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from neo_emulator.stack import lifeline

GRACE_SECONDS = {"worker": 0.7, "valkey": 1.0}
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 10.0
STEADY_SECONDS = 30.0
"""A process that ran for this long is healthy: its restart delay and failure message are reset."""
_LAST_LINES = 20

log = logging.getLogger(__name__)


@dataclass
class ManagedProcess:
    """A command run by lifeline.py. Call `keep_alive` periodically, and `end` to stop it."""

    name: str
    command: list[str]
    environment: dict[str, str]
    remove: Path | None = None  # folder removed when it ended together with its parent
    lock: int | None = None  # file descriptor that lifeline.py keeps open as long as it runs
    process: subprocess.Popen[bytes] | None = None
    restart_at: float = field(default=0.0)
    pause_seconds: float = FIRST_PAUSE_SECONDS
    failures: int = 0  # in a row
    last_failure: str = ""
    _begun: float = 0.0
    _lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))
    _reader: threading.Thread | None = None

    def start(self) -> None:
        """Starts the process; its standard error is copied to this process's log."""
        remove = ["--remove", str(self.remove)] if self.remove else []
        self._begun = time.monotonic()
        self._lines.clear()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-S",
                "-E",
                lifeline.__file__,
                str(GRACE_SECONDS[self.name]),
                *remove,
                "--",
                *self.command,
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
            pass_fds=() if self.lock is None else (self.lock,),
        )
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self._pass_on, args=(self.process.stderr,), daemon=True)
        self._reader.start()

    def _pass_on(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError), stream:
            for line in stream:
                text = line.decode(errors="replace")
                self._lines.append(text.rstrip())
                sys.stderr.write(text)
                sys.stderr.flush()

    def keep_alive(self) -> None:
        """Restarts the process if it has ended, after a delay that doubles with each failure."""
        now = time.monotonic()
        if self.process is None:
            return
        if self.process.poll() is None:
            if self.failures and now - self._begun > STEADY_SECONDS:
                self.failures, self.pause_seconds = 0, FIRST_PAUSE_SECONDS
        elif not self.restart_at:
            self.failures += 1
            if self._reader is not None:
                self._reader.join(0.5)
            log.warning("%s %s; restarting in %.1f s", self.name, self._ending(), self.pause_seconds)
            self.last_failure = f"{self._ending()}: {self._last_words()}"
            self.restart_at = now + self.pause_seconds
            self.pause_seconds = min(self.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        elif now >= self.restart_at:
            self.restart_at = 0.0
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.start()

    @property
    def trouble(self) -> str:
        """Why the process does not stay up, "" if it does."""
        return f"{self.last_failure} (failure {self.failures} in a row)" if self.failures > 1 else ""

    def _ending(self) -> str:
        return f"ended with status {self.process.returncode}" if self.process is not None else "was not started"

    def _last_words(self) -> str:
        spoken = [line for line in self._lines if line.strip()]
        return spoken[-1] if spoken else "no output"

    def end(self) -> None:
        """Closes the lifeline, so that the process ends, and waits for that."""
        if self.process is None or self.process.stdin is None:
            return
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(GRACE_SECONDS[self.name] + 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
        if self._reader is not None:
            self._reader.join(0.5)
