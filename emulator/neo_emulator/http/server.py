"""The HTTP server: a thread per connection, which stays open; plain HTTP and, with a certificate, TLS on one port.

What it puts into the environ is what moto's S3 needs of werkzeug's server (`http_request.py`).
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from http.client import responses
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

from neo_emulator.http.request import Body, Head, keeps_connection, make_environ, read_head
from neo_emulator.protocol.errors import RequestError

IDLE_SECONDS = 75.0
"""A connection on which nothing comes for that long is closed."""
TLS_HANDSHAKE = b"\x16"
"""First byte of a TLS connection; no HTTP method begins with it."""
DROPPED = (ConnectionError, TimeoutError, ssl.SSLError)

log = logging.getLogger(__name__)


class Reply:
    """One response on its way: head and body in as few writes as can be, framed so that the connection can go on."""

    def __init__(self, stream: Any, environ: WSGIEnvironment) -> None:
        self._stream = stream
        self._method, self._version = environ["REQUEST_METHOD"], environ["SERVER_PROTOCOL"]
        self._start: tuple[str, list[tuple[str, str]]] | None = None
        self.begun = False
        self.keep_open = keeps_connection(environ)
        self._chunked = self._bodiless = False
        self._promised: int | None = None  # bytes that Content-Length says will come

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        """WSGI's start_response."""
        if exc_info is not None and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._start = (status, headers)
        return self.write

    def _head(self) -> bytes:
        assert self._start is not None, "write() before start_response()"
        status, headers = self._start
        code = status.partition(" ")[0]
        self.begun = True
        self._bodiless = self._method == "HEAD" or code.startswith("1") or code in ("204", "304")
        dated = False
        lines = [f"HTTP/1.1 {status}"]
        for name, value in headers:
            key = name.lower()
            if key == "connection":
                self.keep_open = self.keep_open and value.lower() != "close"
                continue
            if key == "content-length":
                self._promised = int(value)
            dated = dated or key == "date"
            lines.append(f"{name}: {value}")
        if self._promised is None and not self._bodiless:
            if self._version == "HTTP/1.0":
                self.keep_open = False  # the end of the connection is the end of the body
            else:
                self._chunked = True
                lines.append("Transfer-Encoding: chunked")
        if not dated:
            lines.append(f"Date: {_date()}")
        lines.append("Connection: keep-alive\r\n\r\n" if self.keep_open else "Connection: close\r\n\r\n")
        return "\r\n".join(lines).encode("latin-1", "replace")

    def write(self, data: bytes) -> None:
        """Sends a piece of the body, the head before the first."""
        if not self.begun:
            self._stream.write(self._head())
        if not data or self._bodiless:
            return
        if self._promised is not None:
            self._promised -= len(data)
        frame = (b"%x\r\n" % len(data), data, b"\r\n") if self._chunked else (data,)
        for piece in frame:
            self._stream.write(piece)

    def end(self) -> None:
        """Sends what is still buffered. A body of another length than was promised ends the connection."""
        self.write(b"")
        if self._chunked:
            self._stream.write(b"0\r\n\r\n")
        if self._promised and not self._bodiless:
            self.keep_open = False
        self._stream.flush()


_DATE = (0, "")


def _date() -> str:
    """Now, as HTTP writes it; worked out once a second."""
    global _DATE
    second, text = _DATE
    now = int(time.time())
    if now != second:
        text = formatdate(now, usegmt=True)
        _DATE = (now, text)
    return text


class Connection(StreamRequestHandler):
    """One connection: any number of requests, one after the other."""

    server: Server
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = IDLE_SECONDS

    def setup(self) -> None:
        """Takes up TLS where the client does and the server can."""
        self.request.settimeout(self.timeout)
        tls = self.server.tls
        self.scheme = "http"
        if tls is not None and self.request.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
            self.request = tls.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"
            try:
                self.request.do_handshake()
            except OSError:
                self.request.close()
                raise
        super().setup()

    def finish(self) -> None:
        """Sends what is left, and closes what TLS put in the place of the socket that the server knows."""
        super().finish()
        if self.scheme == "https":
            self.request.close()

    def handle(self) -> None:
        """Answers until one of the two sides ends the connection."""
        fixed = self._fixed()
        with contextlib.suppress(*DROPPED):
            try:
                while (head := read_head(self.rfile)) is not None and self._answer(head, fixed):
                    pass
            except RequestError as error:
                self._refuse(error)

    def _fixed(self) -> WSGIEnvironment:
        host, port = self.server.server_address[:2]
        return {
            "wsgi.url_scheme": self.scheme,
            "SERVER_SOFTWARE": "neo-emulator",
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_PORT": self.client_address[1],
        }

    def _answer(self, head: Head, fixed: WSGIEnvironment) -> bool:
        """Whether another request may follow on this connection."""
        environ = make_environ(head, self.rfile, fixed)
        body, reply = environ["wsgi.input"], Reply(self.wfile, environ)
        if environ.get("HTTP_EXPECT", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self._run(environ, reply)
        return reply.keep_open and cast("Body", body).drain()

    def _run(self, environ: WSGIEnvironment, reply: Reply) -> None:
        try:
            pieces = self.server.app(environ, reply.start)
            try:
                for piece in pieces:
                    reply.write(piece)
                reply.end()
            finally:
                if hasattr(pieces, "close"):
                    pieces.close()
        except DROPPED:
            raise
        except RequestError:
            if reply.begun:
                reply.keep_open = False
            else:
                raise
        except Exception:
            log.exception("%s %s", environ["REQUEST_METHOD"], environ["RAW_URI"])
            reply.keep_open = False
            if not reply.begun:
                reply.start("500 Internal Server Error", [("Content-Length", "0")])
                reply.end()

    def _refuse(self, error: RequestError) -> None:
        body = json.dumps({"__type": "BadRequestException", "message": str(error)}).encode()
        head = (
            f"HTTP/1.1 {error.status} {responses[error.status]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nDate: {_date()}\r\nConnection: close\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)
        self.wfile.flush()


class Server(ThreadingTCPServer):
    """Listens already when made; `serve_forever` answers, each connection in a daemon thread."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        app: WSGIApplication,
        address: tuple[str, int],
        fd: int | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.app = app
        self.tls = tls
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Connection, bind_and_activate=fd is None)
        if fd is not None:
            self.socket.close()
            self.socket = socket.fromfd(fd, self.address_family, socket.SOCK_STREAM)
            self.server_address = self.socket.getsockname()
        self.port = int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke before its first request: a client that went away, or TLS that failed."""
        log.debug("connection from %s", client_address, exc_info=True)


def make_server(
    app: WSGIApplication,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    fd: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> Server:
    """A server for `app`. `port` 0 takes a free one, found in `server.port`; `fd` is a listening socket to use instead.

    With `tls`, clients may speak either HTTP or HTTPS. Raises OSError when the address is taken.
    """
    return Server(app, (host, port), fd, tls)
