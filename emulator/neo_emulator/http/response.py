"""Sends one response: head and body in few writes, framed so that the connection can be reused."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any

from neo_emulator.http.body import Body
from neo_emulator.http.errors import ClientGone
from neo_emulator.http.receiver import Request

_JOIN_BYTES = 1 << 16
"""Larger pieces are sent separately instead of being copied together with their framing."""
_SEND_BYTES = 1 << 26
_UNSENDABLE = re.compile("[\r\n\0]")
_date = (0, "")


def _now() -> str:
    """The current time as an HTTP date, computed once a second."""
    global _date
    second, text = _date
    now = int(time.time())
    if now != second:
        text = formatdate(now, usegmt=True)
        _date = (now, text)
    return text


class Reply:
    """The response to `request`. Sending raises ClientGone."""

    def __init__(self, sock: socket.socket, request: Request, body: Body | None = None) -> None:
        self._sock, self._request, self._body = sock, request, body
        self._start: tuple[str, list[tuple[str, str]]] | None = None
        self.begun = False
        self.keep_open = request.keep_open
        self._chunked = self._bodiless = False
        self._promised: int | None = None  # bytes of Content-Length not yet sent

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        """WSGI's start_response."""
        if exc_info is not None and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._start = (status, headers)
        return self.write

    def send(self, pieces: Iterable[bytes]) -> None:
        """Sends the body piece by piece. A body shorter than its Content-Length closes the connection."""
        for piece in pieces:
            if piece:
                self.write(piece)
        if not self.begun:
            self._transmit(self._head())
        if self._chunked:
            self._transmit(b"0\r\n\r\n")
        if self._promised and not self._bodiless:
            self.keep_open = False

    def write(self, data: bytes) -> None:
        """Sends a piece of the body, preceded by the head the first time."""
        before = b"" if self.begun else self._head()
        after = b""
        if self._bodiless:
            data = b""
        elif self._promised is not None:
            data = data[: self._promised]  # more would be taken for the next response
            self._promised -= len(data)
        elif self._chunked and data:
            before, after = before + b"%x\r\n" % len(data), b"\r\n"
        if len(data) <= _JOIN_BYTES:
            self._transmit(before + data + after)
        else:
            for part in (before, data, after):
                self._transmit(part)

    def _head(self) -> bytes:
        """The status line and headers. Raises ValueError for a header with a line break or NUL."""
        assert self._start is not None, "write() before start_response()"
        status, headers = self._start
        code = status[:3]
        self._bodiless = self._request.method == "HEAD" or code < "200" or code in ("204", "304")
        self.keep_open = self.keep_open and (self._body is None or self._body.can_be_drained)
        lines, given = [f"HTTP/1.1 {status}"], set()
        for name, value in headers:
            line = f"{name}: {value}"
            if _UNSENDABLE.search(line):
                raise ValueError(f"a response header contains a line break or NUL: {line!r}")
            key = name.lower()
            given.add(key)
            if key == "connection":
                self.keep_open = self.keep_open and value.lower() != "close"
                continue
            if key == "content-length":
                self._promised = int(value)
            lines.append(line)
        if self._promised is None and not self._bodiless:
            if self._request.version == "1.0":
                self.keep_open = False  # HTTP/1.0: closing the connection ends the body
            else:
                self._chunked = True
                lines.append("Transfer-Encoding: chunked")
        if "date" not in given:
            lines.append(f"Date: {_now()}")
        lines.append("Connection: keep-alive\r\n\r\n" if self.keep_open else "Connection: close\r\n\r\n")
        self.begun = True
        if self._body is not None:
            self._body.wants_continue = False  # too late for "100 Continue"
        return "\r\n".join(lines).encode("latin-1", "replace")

    def _transmit(self, data: bytes) -> None:
        try:
            if len(data) <= _JOIN_BYTES:
                self._sock.sendall(data)
                return
            rest = memoryview(data)
            while rest:  # sendall's timeout would be for all of it
                rest = rest[self._sock.send(rest[:_SEND_BYTES]) :]
        except OSError as error:
            raise ClientGone(str(error)) from error
