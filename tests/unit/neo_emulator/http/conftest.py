"""Connections byte by byte: to a server in this process, or to what reads requests out of one."""

import socket
from collections.abc import Callable, Iterator

import pytest

from neo_emulator.http.limits import Limits
from neo_emulator.http.receiver import Receiver
from neo_emulator.http.server import Server

LIMITS = Limits(head_bytes=2000, headers=20, body_bytes=100_000, idle_seconds=0.2)

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


@pytest.fixture
def arriving() -> Iterator[Callable[..., Receiver]]:
    """A receiver of these bytes, after which the client has gone, or says nothing more if `goes` is False."""
    ends: list[socket.socket] = []

    def make(data: bytes, *, goes: bool = True) -> Receiver:
        client, server = socket.socketpair()
        ends.extend((client, server))
        server.settimeout(LIMITS.idle_seconds)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        client.sendall(data)
        if goes:
            client.shutdown(socket.SHUT_WR)
        return Receiver(server, LIMITS)

    yield make
    for end in ends:
        end.close()
