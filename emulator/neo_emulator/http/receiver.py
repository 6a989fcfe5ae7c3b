"""Parses the requests of a connection by httptools (Node's llhttp in strict mode).

The parser consumes all data that has arrived, so one read may contain the end of a body, complete requests after it
(pipelining) and the head of another. Parsed requests wait in a queue; the socket is read only on demand.
"""

from __future__ import annotations

import re
import socket
import time
from collections import deque

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade, HttpRequestParser

from neo_emulator.http.errors import ClientGone, RequestError
from neo_emulator.http.limits import Limits

HEAD_READ_BYTES, BODY_READ_BYTES = 1 << 16, 1 << 18
_VERSION_ERRORS = ("Invalid HTTP version", "Pause on PRI/Upgrade")  # the latter is HTTP/2's preface
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ ")  # RFC 9110, 5.6.2


class Request:
    """One request: the head is complete, the body may still be arriving."""

    def __init__(self) -> None:
        self.target = b""  # "/bucket/key?list-type=2", as it was sent
        self.headers: list[tuple[bytes, bytes]] = []  # in order and as sent
        self.method = self.version = ""  # "GET", "1.1"
        self.keep_open = False  # whether the client may send another request after this one
        self.complete = False  # the entire body has arrived
        self.pieces: deque[bytes] = deque()  # body data not yet read by the application
        self.body_bytes = 0  # received so far


class Receiver:
    """The requests of one connection, in order. Its on_* methods are httptools' callbacks."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self.sock = sock
        self.limits = limits
        self._parser = HttpRequestParser(self)
        self._buffer = memoryview(bytearray(BODY_READ_BYTES))  # the OS allocates its pages on first use
        self._arrived: deque[Request] = deque()  # requests with complete heads, not yet returned by `next`
        self._latest = Request()  # the request that is being received
        self._in_head = False  # part of a head has arrived
        self._failure: RequestError | None = None  # raised after the requests that arrived before it
        self._headers: list[tuple[bytes, bytes]] = []
        self._first = True  # the next data for the parser begins with a request
        self._loose = 0  # bytes parsed since its last callback

    def next(self) -> Request | None:
        """The next request; None at the connection's end or after the idle timeout. Raises RequestError."""
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
        """Whether a head arrived. The time limit is for the complete head, even if it is sent byte by byte."""
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
        """Receives and parses up to `most_bytes`; False at the connection's end. Raises RequestError, ClientGone."""
        if self._failure is not None:
            raise self._failure
        try:
            count = self.sock.recv_into(self._buffer, most_bytes)
        except TimeoutError as error:
            raise RequestError(408, "The rest of the request did not arrive in time.") from error
        except OSError as error:
            raise ClientGone(str(error)) from error
        if count:
            self._feed(self._buffer[:count])
        return count > 0

    def check(self, request: Request) -> None:
        """Raises RequestError if a malformed part of the body has already arrived."""
        if self._failure is not None and not request.complete:
            raise self._failure

    def _feed(self, data: bytes | memoryview) -> None:
        self._loose += len(data)
        self._first = not self._in_head
        while data:
            data = self._parse(data)
        if self._loose > self.limits.head_bytes:
            self._too_large()

    def _parse(self, data: bytes | memoryview) -> bytes:
        """Parses `data`. Returns what must be parsed again, usually b""."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as at:
            return self._decline_upgrade(data[int(at.args[0]) :])
        except HttpParserInvalidMethodError:
            if self._first and _METHOD.match(data):
                self._fail(501, "The request method is not supported.")
            else:
                self._fail(400, "This is not an HTTP request.")
        except HttpParserError as error:
            reason = str(error)
            self._fail(505 if reason in _VERSION_ERRORS else 400, f"The request cannot be read: {reason}.")
        return b""

    def _fail(self, status: int, text: str) -> None:
        self._failure = self._failure or RequestError(status, text)

    def _too_large(self) -> None:
        if len(self._latest.target) > self.limits.head_bytes // 2:
            self._fail(414, "The request line is too long.")
        else:
            self._fail(431, "The request headers are too long or too many.")

    def _decline_upgrade(self, rest: bytes | memoryview) -> bytes:
        """Ignores an Upgrade header. Returns the data to parse again. Source: RFC 9110, 7.8."""
        if self._failure is not None:
            return b""
        asked = self._arrived.pop()
        if asked.method == "CONNECT":
            self._fail(501, "CONNECT is not supported: this server is not a proxy.")
            return b""
        self._parser = HttpRequestParser(self)
        first = b"%b %b HTTP/%b\r\n" % (asked.method.encode(), asked.target, asked.version.encode())
        headers = [b"%b: %b\r\n" % each for each in asked.headers if each[0].lower() != b"upgrade"]
        return b"".join([first, *headers, b"\r\n", rest])

    def on_message_begin(self) -> None:
        """A request starts."""
        self._latest = Request()
        self._headers = []
        self._in_head = True
        self._loose = 0

    def on_url(self, part: bytes) -> None:
        """Part of the request target; it may arrive in several parts."""
        self._latest.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """A complete header field, or a trailer field after a chunked body."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Queues the request, unless its head exceeds a limit."""
        request, parser = self._latest, self._parser
        request.headers, self._headers = self._headers, []  # later fields are trailers, which are ignored
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
        """Part of the body, without its transfer coding."""
        self._latest.pieces.append(data)
        self._latest.body_bytes += len(data)
        self._loose = 0

    def on_message_complete(self) -> None:
        """The request has arrived completely."""
        self._latest.complete = self._failure is None
        self._first = False
        self._loose = 0
