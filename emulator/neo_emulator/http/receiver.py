"""From the bytes of a connection to its requests, by httptools (Node's llhttp in its strict mode).

The parser takes all that has arrived, so a read may bring the end of one body, whole requests after it (pipelining) and
the head of another. Requests wait in a queue; nothing is read ahead of what is asked for.
"""

from __future__ import annotations

import re
import socket
import sys
import time
from collections import deque
from io import BufferedIOBase
from typing import Any

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from neo_emulator.http.errors import ClientGone, RequestError
from neo_emulator.http.limits import Limits

HEAD_READ_BYTES, BODY_READ_BYTES = 1 << 16, 1 << 18
DRAIN_BYTES = 1 << 30
"""Most of an unread body that is read to keep its connection."""
_VERSION_ERRORS = ("Invalid HTTP version", "Pause on PRI/Upgrade")  # the latter is HTTP/2's preface
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ ")  # RFC 9110, 5.6.2


class Request:
    """One request while it arrives: the head is complete, the body may still come."""

    def __init__(self) -> None:
        self.target = b""  # "/bucket/key?list-type=2", as it was sent
        self.headers: list[tuple[bytes, bytes]] = []  # in order, spelt as they were sent
        self.method = self.version = ""  # "GET", "1.1"
        self.keep_open = False  # whether the client may send another request after this one
        self.complete = False  # all of the body has arrived
        self.pieces: deque[bytes] = deque()  # of the body, not yet read by the application
        self.body_bytes = 0  # that arrived


class Receiver:
    """The requests of one connection, in order. Its on_* methods are httptools' protocol."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self.sock = sock
        self.limits = limits
        self._parser = HttpRequestParser(self)
        self._arrived: deque[Request] = deque()  # complete heads that nobody has asked for yet
        self._latest = Request()  # the one whose bytes come now
        self._in_head = False  # a head has begun and is not complete
        self._failure: RequestError | None = None  # comes after all that has arrived
        self._headers: list[tuple[bytes, bytes]] = []
        self._first = True  # what the parser gets begins where a request does
        self._loose = 0  # bytes it got since it last said that a request begins or a part of a body has come

    def next(self) -> Request | None:
        """The next request; None when the client has no more, or sent nothing for too long. Raises RequestError."""
        try:
            if not self._arrived and not self._receive_head():
                return None
        except ClientGone:
            return None
        except RequestError as error:
            if error.status == 408 and not self._in_head:
                return None
            raise
        return self._arrived.popleft()

    def _receive_head(self) -> bool:
        """Whether one came. A client that sends byte by byte has no more time than others."""
        deadline = time.monotonic() + self.limits.idle_seconds
        try:
            while self.receive(HEAD_READ_BYTES):
                if self._arrived:
                    return True
                self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            if self._in_head:
                raise RequestError(400, "The request ends within its headers.")
        finally:
            if self.sock.gettimeout() != self.limits.idle_seconds:
                self.sock.settimeout(self.limits.idle_seconds)
        return False

    def receive(self, most_bytes: int) -> bool:
        """Takes in what comes next; False at the connection's end. Raises RequestError, ClientGone."""
        if self._failure is not None:
            raise self._failure
        try:
            data = self.sock.recv(most_bytes)
        except TimeoutError as error:
            raise RequestError(408, "The rest of the request did not come in time.") from error
        except OSError as error:
            raise ClientGone(str(error)) from error
        if data:
            self._feed(data)
        return bool(data)

    def _feed(self, data: bytes) -> None:
        self._loose += len(data)
        self._first = not self._in_head
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as at:
            self._decline_upgrade(data[int(at.args[0]) :])
        except HttpParserInvalidMethodError:
            if self._first and _METHOD.match(data):
                self._fail(501, "The request's method is not known here.")
            else:
                self._fail(400, "This is not an HTTP request.")
        except HttpParserError as error:
            reason = str(error)
            self._fail(505 if reason in _VERSION_ERRORS else 400, f"The request cannot be read: {reason}.")
        if self._loose > self.limits.head_bytes:
            self._too_large()

    def _fail(self, status: int, text: str) -> None:
        self._failure = self._failure or RequestError(status, text)

    def _too_large(self) -> None:
        if len(self._latest.target) > self.limits.head_bytes // 2:
            self._fail(414, "The request's first line is too long.")
        else:
            self._fail(431, "The request's headers are too long or too many.")

    def _decline_upgrade(self, rest: bytes) -> None:
        """Reads the request again as if it had not asked for another protocol. Source: RFC 9110, 7.8."""
        if self._failure is not None:
            return
        asked = self._arrived.pop()
        if asked.method == "CONNECT":
            self._fail(501, "This is not a proxy.")
            return
        headers = (b"%b: %b\r\n" % each for each in asked.headers if each[0].lower() != b"upgrade")
        self._parser = HttpRequestParser(self)
        first = b"%b %b HTTP/%b\r\n" % (asked.method.encode(), asked.target, asked.version.encode())
        self._feed(first + b"".join(headers) + b"\r\n" + rest)

    def on_message_begin(self) -> None:
        self._latest = Request()
        self._headers = []
        self._in_head = True
        self._loose = 0

    def on_url(self, part: bytes) -> None:
        self._latest.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        request, parser = self._latest, self._parser
        request.headers, self._headers = self._headers, []  # the latter for trailers, which nobody reads
        request.method, request.version = parser.get_method().decode(), parser.get_http_version()
        request.keep_open = parser.should_keep_alive()
        head_bytes = len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers)
        if len(request.headers) > self.limits.headers or head_bytes > self.limits.head_bytes:
            self._too_large()
        self._in_head = False
        self._loose = 0
        if self._failure is None:
            self._arrived.append(request)

    def on_body(self, data: bytes) -> None:
        self._latest.pieces.append(data)
        self._latest.body_bytes += len(data)
        self._loose = 0

    def on_message_complete(self) -> None:
        self._latest.complete = self._failure is None
        self._first = False
        self._loose = 0


class Body(BufferedIOBase):
    """A request's body, read from the connection as the application asks for it: WSGI's wsgi.input.

    Reading raises ClientGone when the client goes away before the end, and RequestError for a body that is too large,
    malformed or does not come in time: what came so far must not pass for the whole.
    """

    def __init__(self, request: Request, receiver: Receiver, length: int | None, wants_continue: bool) -> None:
        """`length` is Content-Length's, None for a chunked body."""
        self._request, self._receiver = request, receiver
        self._length = length
        self._at = 0  # in the first piece
        self.wants_continue = wants_continue  # the client sends nothing before it was told to go on
        self.failure: RequestError | ClientGone | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """`size` bytes, fewer at the end; all of them for None and -1."""
        wanted = sys.maxsize if size is None or size < 0 else size
        pieces = []
        while wanted and (piece := self._piece(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """What has arrived, or comes next; b"" at the end."""
        return self._piece(sys.maxsize if size < 0 else size)

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _piece(self, most: int) -> bytes:
        pieces = self._request.pieces
        while not pieces and not self._request.complete:
            self._receive()
        if not pieces:
            return b""
        piece, begin = pieces[0], self._at
        if not begin and len(piece) <= most:
            return pieces.popleft()
        self._at = begin + most
        if self._at >= len(piece):
            self._at = 0
            pieces.popleft()
        return piece[begin : begin + most]

    def _receive(self) -> None:
        try:
            self._check(self._length or 0)
            if self.wants_continue:
                self.wants_continue = False
                self._receiver.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not self._receiver.receive(BODY_READ_BYTES):
                raise ClientGone("the client went away within a request's body")
            self._check(self._request.body_bytes)
        except (RequestError, ClientGone) as error:
            self.failure = error
            raise
        except OSError as error:
            self.failure = ClientGone(str(error))
            raise self.failure from error

    def _check(self, size: int) -> None:
        most = self._receiver.limits.body_bytes
        if size > most:
            raise RequestError(413, f"A request's body may have {most} bytes at most.")

    @property
    def can_be_drained(self) -> bool:
        """Whether the connection may go on even if the application leaves the rest unread."""
        waits = self.wants_continue and not self._request.complete  # and may not send the body at all
        return not (waits or self.failure) and (self._length or 0) - self._request.body_bytes <= DRAIN_BYTES

    def drain(self) -> bool:
        """Reads the rest away; False when it is too much, or does not come."""
        left = DRAIN_BYTES
        try:
            while left > 0 and self.can_be_drained:
                piece = self._piece(sys.maxsize)
                if not piece:
                    return True
                left -= len(piece)
        except (ClientGone, RequestError):
            pass
        return False
