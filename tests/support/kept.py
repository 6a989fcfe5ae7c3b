"""`neo-emulator serve --data-dir`, killed and started again."""

import os
import signal
from pathlib import Path
from typing import Any

from support import processes

from neo_emulator.testing.endpoint import Endpoint
from neo_emulator.testing.server_process import ServerProcess


class Kept:
    """An emulator on one data folder through several lives. `start` first; `stop` at the end."""

    def __init__(self, folder: Path, *arguments: str, **settings: object) -> None:
        self.arguments = ("--data-dir", str(folder), *arguments)
        self.settings = settings
        self.server: ServerProcess | None = None

    def start(self) -> "Kept":
        self.server = ServerProcess(*self.arguments, **self.settings).start()
        return self

    @property
    def endpoint(self) -> Endpoint:
        """The server of this life."""
        assert self.server is not None
        return self.server

    @property
    def url(self) -> str:
        return self.endpoint.url

    def client(self, service: str, region: str = "us-east-1") -> Any:
        return self.endpoint.client(service, region)

    def pid(self) -> int:
        """The pid of `neo-emulator serve` itself."""
        assert self.server is not None
        assert self.server.pid is not None
        below = [self.server.pid, *processes.descendants(self.server.pid)]
        (pid,) = [
            pid
            for pid in below
            if "neo_emulator serve" in processes.command(pid) and "lifeline.py" not in processes.command(pid)
        ]
        return pid

    def kill(self) -> None:
        """SIGKILL, as the kernel would."""
        os.kill(self.pid(), signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        if self.server is not None:
            self.server.stop()
            self.server = None

    def restart(self) -> None:
        self.kill()
        self.start()
