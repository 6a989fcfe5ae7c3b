"""Connections to a server in this process, byte by byte."""

import socket
from collections.abc import Callable

import pytest

from neo_emulator.http.server import Server

WAIT_SECONDS = 20.0
"""Much longer than any answer takes, and than the limits that tests set."""


def answer_to(server: Server, *parts: bytes, close: bool = False) -> bytes:
    """All that the server says to these bytes until it closes the connection; with `close` after the client's end."""
    with socket.create_connection(server.address, WAIT_SECONDS) as client:
        for part in parts:
            client.sendall(part)
        if close:
            client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.fixture
def say() -> Callable[..., bytes]:
    return answer_to
