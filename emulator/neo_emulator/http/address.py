"""Listening addresses: TCP over IPv4 and IPv6, Unix sockets, and inherited sockets."""

from __future__ import annotations

import contextlib
import socket
import stat
from pathlib import Path
from urllib.parse import quote

UNIX, INHERITED = "unix:", "fd:"
BACKLOG = 128


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises OSError if it cannot listen, ValueError for a bad "fd:".

    `address` is a host name or IP address, "unix:PATH", or "fd:NUMBER" for an inherited listening socket.
    """
    if address.startswith(INHERITED):
        return _inherited(int(address.removeprefix(INHERITED)))
    if address.startswith(UNIX):
        family, place = socket.AF_UNIX, address.removeprefix(UNIX)
        _remove_abandoned(Path(place))
    else:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(place if family == socket.AF_UNIX else (address, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _inherited(number: int) -> socket.socket:
    sock = socket.socket(fileno=number)
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()
        raise ValueError(f"file descriptor {number} is not a listening socket")
    return sock


def _remove_abandoned(path: Path) -> None:
    """Removes the socket file of a server that was killed, when nothing listens on it."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(ConnectionRefusedError):
            probe.connect(str(path))
            return
        path.unlink(missing_ok=True)


def release(address: str, sock: socket.socket) -> None:
    """Closes a socket from `listen`, and removes a Unix socket's file."""
    sock.close()
    if address.startswith(UNIX):
        Path(address.removeprefix(UNIX)).unlink(missing_ok=True)


def reach(address: str, sock: socket.socket) -> str:
    """The URL at which this machine reaches a server on `sock`, the socket that `listen` returned for `address`."""
    name = sock.getsockname()
    if not isinstance(name, tuple):
        return f"http+unix://{quote(name, safe='')}"
    host = name[0] if address.startswith(INHERITED) else address
    local = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://{f'[{local}]' if ':' in local else local}:{name[1]}"
