"""An emulator in a separate process, for scripts and tests."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from types import TracebackType
from typing import Any, Self

from neo_emulator.stack import lifeline
from neo_emulator.testing.endpoint import REGION, Endpoint

STOP_SECONDS = 5.0


class ServerProcess(Endpoint):
    """`neo-emulator serve` on a free port; `url` is valid after `start`. It never outlives this process.

    Use it as a context manager. `settings` are NEO_EMULATOR_* names in lower case, for example min_run_seconds=2.
    """

    def __init__(self, *arguments: str, timeout_seconds: float = 60.0, **settings: object) -> None:
        super().__init__()
        self.timeout_seconds = timeout_seconds
        self._arguments = arguments
        self._settings = settings
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._lines: deque[str] = deque(maxlen=200)
        self._ready = threading.Event()

    def start(self) -> Self:
        """Starts the server and waits until it accepts jobs. Raises RuntimeError with its output if it fails."""
        for made in ("sagemaker", "s3"):  # cached clients of an earlier start
            self.__dict__.pop(made, None)
        environment = dict(os.environ) | {f"NEO_EMULATOR_{k.upper()}": str(v) for k, v in self._settings.items()}
        serve = [sys.executable, "-m", "neo_emulator", "serve", "--port", "0", *self._arguments]
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", lifeline.__file__, str(STOP_SECONDS), "--", *serve],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=environment,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if not self._ready.wait(self.timeout_seconds) or not self.url:
            self.stop()
            raise RuntimeError("the emulator did not start:\n" + self.output)
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.append(line)
            if line.startswith("ready: "):
                self.url = line.removeprefix("ready: ").strip()
                self._ready.set()
        self._ready.set()

    @property
    def pid(self) -> int | None:
        """The PID of the parent of all of the server's processes, None if it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def output(self) -> str:
        """The last 200 lines of the server's output."""
        return "".join(self._lines)

    def stop(self) -> None:
        """Stops the server and all of its processes."""
        if self._process is None:
            return
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(
            STOP_SECONDS + 60
        )  # lifeline.py kills it after STOP_SECONDS, which may take long on a loaded machine
        if self._reader is not None:
            self._reader.join(5)
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def client(service: str, url: str, region: str = REGION) -> Any:
    """A boto3 client for `service` on the emulator at `url`, with credentials that any emulator takes."""
    return Endpoint(url).client(service, region)
