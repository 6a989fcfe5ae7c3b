"""The HTTP server: werkzeug's threaded one, as moto's own, since moto's S3 needs what only that puts into the environ.

Unlike werkzeug's it keeps connections open, which saves a client most of the time of a small call.
"""

from __future__ import annotations

import contextlib
import io
import logging
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, connection_dropped_errors
from werkzeug.serving import make_server as make_werkzeug_server

from neo_emulator.moto_bridge import keep_underscores

IDLE_SECONDS = 75.0
"""A connection on which nothing comes for that long is closed."""
DRAIN_BYTES = 1 << 30
"""Most of an unread request body that is read to keep its connection; behind that it is closed."""

log = logging.getLogger(__name__)


class Body(io.RawIOBase):
    """A request's body: at its end where Content-Length says so, not where the connection ends."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self.remaining = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        room = min(len(buffer), self.remaining)
        data = self._stream.read(room) if room else b""
        buffer[: len(data)] = data
        self.remaining -= len(data)
        return len(data)

    def drain(self) -> bool:
        """Reads the rest away; False when it is too much, or the client stopped sending."""
        if self.remaining > DRAIN_BYTES:
            return False
        while self.remaining:
            if not self.read(1 << 20):
                return False
        return True


class Reply:
    """One response on its way: head and body in as few writes as can be, framed so that the connection can go on."""

    def __init__(self, handler: RequestHandler) -> None:
        self._handler = handler
        self._start: tuple[str, list[tuple[str, str]]] | None = None
        self.begun = False
        self._chunked = self._bodiless = False
        self._promised: int | None = None  # bytes that Content-Length says will come

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """WSGI's start_response."""
        if exc_info is not None and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._start = (status, headers)
        return self.write

    def _head(self) -> None:
        assert self._start is not None, "write() before start_response()"
        (status, headers), handler = self._start, self._handler
        code, _, reason = status.partition(" ")
        names = {name.lower(): value for name, value in headers}
        self.begun = True
        self._bodiless = handler.command == "HEAD" or code.startswith("1") or code in ("204", "304")
        if names.get("connection", "").lower() == "close":
            handler.close_connection = True
        handler.send_response(int(code), reason)
        for name, value in headers:
            if name.lower() != "connection":
                handler.send_header(name, value)
        if "content-length" in names:
            self._promised = int(names["content-length"])
        elif not self._bodiless and handler.request_version >= "HTTP/1.1":
            self._chunked = True
            handler.send_header("Transfer-Encoding", "chunked")
        elif not self._bodiless:
            handler.close_connection = True  # HTTP/1.0: the end of the connection is the end of the body
        handler.send_header("Connection", "close" if handler.close_connection else "keep-alive")
        handler.end_headers()

    def write(self, data: bytes) -> None:
        """Sends a piece of the body, the head before the first."""
        if not self.begun:
            self._head()
        if not data or self._bodiless:
            return
        if self._promised is not None:
            self._promised -= len(data)
        frame = (b"%x\r\n" % len(data), data, b"\r\n") if self._chunked else (data,)
        for piece in frame:
            self._handler.wfile.write(piece)

    def end(self) -> None:
        """Sends what is still buffered. A body of another length than was promised ends the connection."""
        self.write(b"")
        if self._chunked:
            self._handler.wfile.write(b"0\r\n\r\n")
        if self._promised and not self._bodiless:
            self._handler.close_connection = True
        self._handler.wfile.flush()


class RequestHandler(WSGIRequestHandler):
    """Speaks HTTP/1.1, any number of requests per connection, and logs requests only on DEBUG."""

    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = IDLE_SECONDS

    def handle_expect_100(self) -> bool:
        """True: go on. `run_wsgi` itself sends "100 Continue"; http.server's would be a second one."""
        return True

    def make_environ(self) -> dict[str, Any]:
        """werkzeug's environ, with S3 metadata under its own names."""
        environ = super().make_environ()
        keep_underscores(environ, dict(self.headers.items()))
        return environ

    def run_wsgi(self) -> None:
        """Answers one request, and leaves the connection where the next one begins, or to be closed."""
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = environ = self.make_environ()
        body = None
        if environ.get("wsgi.input_terminated"):
            self.close_connection = True  # trailers may follow the last chunk
        else:
            length = str(environ.get("CONTENT_LENGTH", ""))
            body = Body(self.rfile, int(length) if length.isdecimal() else 0)
            environ["wsgi.input"] = body
        reply = Reply(self)
        try:
            self._answer(environ, reply)
            if body is not None and not body.drain():
                self.close_connection = True
        except connection_dropped_errors as error:
            self.close_connection = True
            self.connection_dropped(error, environ)

    def _answer(self, environ: dict[str, Any], reply: Reply) -> None:
        try:
            pieces = self.server.app(environ, reply.start)
            try:
                for piece in pieces:
                    reply.write(piece)
                reply.end()
            finally:
                if hasattr(pieces, "close"):
                    pieces.close()
        except connection_dropped_errors:
            raise
        except Exception:
            log.exception("%s %s", self.command, self.path)
            self.close_connection = True
            if not reply.begun:
                reply.start("500 Internal Server Error", [("Content-Length", "0")])
                with contextlib.suppress(OSError):
                    reply.end()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing below DEBUG: werkzeug would colour a line that no one sees."""
        if log.isEnabledFor(logging.DEBUG):
            super().log_request(code, size)

    def log(self, type: str, message: str, *args: Any) -> None:
        """What werkzeug says of a connection: errors as they are, requests on DEBUG."""
        level = logging.DEBUG if type == "info" else logging.getLevelName(type.upper())
        log.log(level, message, *args)


def make_server(
    app: WSGIApplication, host: str = "127.0.0.1", port: int = 0, *, fd: int | None = None
) -> BaseWSGIServer:
    """A server that listens already; `serve_forever` answers, each connection in a daemon thread.

    `port` 0 takes a free one, found in `server.port`; `fd` is a listening socket to use instead of host and port.
    Raises OSError when the address is taken.
    """
    return make_werkzeug_server(host, port, app, threaded=True, request_handler=RequestHandler, fd=fd)
