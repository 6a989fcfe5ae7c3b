"""What several kinds of tests need: a real private Valkey, started once per test process."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from neo_emulator.stack import valkey


@pytest.fixture(scope="session")
def valkey_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The unix socket of a running Valkey."""
    folder = tmp_path_factory.mktemp("valkey")
    socket = folder / "v.sock"
    process = subprocess.Popen(valkey.command(socket, folder))
    client = redis.Redis(unix_socket_path=str(socket))
    deadline = time.monotonic() + 10
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "Valkey did not start"
            time.sleep(0.01)
    client.close()
    yield socket
    process.terminate()
    process.wait(10)


@pytest.fixture
def redis_url(valkey_socket: Path) -> Iterator[str]:
    """The URL of an empty database on it."""
    with redis.Redis(unix_socket_path=str(valkey_socket), db=1) as client:
        client.flushall()
    yield f"unix://{valkey_socket}?db=1"
