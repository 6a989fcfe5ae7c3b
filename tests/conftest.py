"""What several kinds of tests need: a real private Valkey, started once per test process."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from support.waiting import GENEROUS_SECONDS, until

from neo_emulator.stack import valkey

READABLE_BYTES = 16


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A test of many bytes is named by its parameter: an archive's bytes hold the time, and every process that runs
    tests must find the same names."""
    return argname if isinstance(val, bytes) and len(val) > READABLE_BYTES else None


@pytest.fixture(scope="session")
def valkey_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The unix socket of a running Valkey."""
    folder = tmp_path_factory.mktemp("valkey")
    socket = folder / "v.sock"
    process = subprocess.Popen(valkey.command(socket, folder))
    with redis.Redis(unix_socket_path=str(socket)) as client:
        until(lambda: _answers(client), what="Valkey did not start")
    yield socket
    process.terminate()
    process.wait(GENEROUS_SECONDS)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def redis_url(valkey_socket: Path) -> Iterator[str]:
    """The URL of an empty database on it."""
    with redis.Redis(unix_socket_path=str(valkey_socket), db=1) as client:
        client.flushall()
    yield f"unix://{valkey_socket}?db=1"
