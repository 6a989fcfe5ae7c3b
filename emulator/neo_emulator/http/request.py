"""One HTTP request, from the bytes on a connection to a WSGI environ as moto expects it from werkzeug.

Written out because Python's http.server reads headers with the mail parser, which costs more than all that SageMaker's
operations do. Source: RFC 9112; what goes into the environ: werkzeug's serving.py and moto's MotoRequestHandler.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from wsgiref.types import WSGIEnvironment

from neo_emulator.aws.moto import keep_underscores
from neo_emulator.protocol.errors import RequestError

MOST_LINE_BYTES = 65536
MOST_HEADERS = 200
DRAIN_BYTES = 1 << 30
"""Most of an unread request body that is read to keep its connection; behind that it is closed."""
_VERSION = re.compile(r"HTTP/1\.[0-9]")
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


class Stream(Protocol):
    """What is read of a connection."""

    def read(self, size: int = -1, /) -> bytes: ...

    def readline(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class Head:
    """A request's first line and its headers, in order and spelt as they were sent; the latter without their blanks."""

    method: str
    target: str  # "/bucket/key?list-type=2"
    version: str  # "HTTP/1.1"
    headers: Sequence[tuple[str, str]]


class Body(io.RawIOBase):
    """A request's body: at its end where Content-Length says so, not where the connection ends.

    Reading raises ConnectionError when the client goes away before: what came so far must not pass for the whole.
    """

    def __init__(self, stream: Stream, length: int) -> None:
        self._stream = stream
        self.remaining = length  # bytes until the end, or until the end of a chunk

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        room = min(len(buffer), self.remaining)
        if not room:
            return 0
        data = self._stream.read(room)
        if len(data) < room:
            raise ConnectionError("the client went away within a request's body")
        buffer[: len(data)] = data
        self.remaining -= len(data)
        return len(data)

    def drain(self) -> bool:
        """Reads the rest away; False when it is too much, or the client stopped sending."""
        read = 0
        try:
            while read <= DRAIN_BYTES and self.remaining <= DRAIN_BYTES:
                data = self.read(1 << 20)
                if not data:
                    return True
                read += len(data)
        except (ConnectionError, RequestError):
            pass
        return False


class ChunkedBody(Body):
    """A request's body in chunks, and its trailers, which are read away. Reading raises RequestError for what is none.

    Source: RFC 9112, 7.1.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream, 0)
        self._ended = False

    def readinto(self, buffer: Any) -> int:
        if not self.remaining and not self._ended:
            self._begin_chunk()
        count = super().readinto(buffer)
        if count and not self.remaining and self._line():
            raise RequestError(400, "A chunk of the request's body is longer than it says.")
        return count

    def _begin_chunk(self) -> None:
        size = self._line().partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):
            raise RequestError(400, "A chunk of the request's body has no size.")
        self.remaining = int(size, 16)
        self._ended = not self.remaining
        while self._ended and self._line():
            pass  # a trailer

    def _line(self) -> bytes:
        line = self._stream.readline(MOST_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise ConnectionError("the client went away within a request's body")
        return line.rstrip(b"\r\n")


def read_head(stream: Stream) -> Head | None:
    """The next request's head, None when the client has no more to ask. Raises RequestError."""
    line = stream.readline(MOST_LINE_BYTES + 1)
    if line in (b"\r\n", b"\n"):  # RFC 9112, 2.2: one empty line before a request is let pass
        line = stream.readline(MOST_LINE_BYTES + 1)
    if not line:
        return None
    if len(line) > MOST_LINE_BYTES:
        raise RequestError(414, "The request's first line is too long.")
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        raise RequestError(400, "This is not an HTTP request.")
    if not _VERSION.fullmatch(words[2]):
        raise RequestError(505, f"HTTP/1.1 is spoken here, not {words[2]}.")
    headers: list[tuple[str, str]] = []
    while True:
        line = stream.readline(MOST_LINE_BYTES + 1)
        if line in (b"\r\n", b"\n"):
            return Head(words[0], words[1], words[2], headers)
        if not line:
            return None
        if len(line) > MOST_LINE_BYTES or len(headers) == MOST_HEADERS:
            raise RequestError(431, "The request's headers are too long or too many.")
        name, colon, value = line.partition(b":")
        if line[0] in b" \t" and headers:  # a value that goes on
            headers[-1] = headers[-1][0], f"{headers[-1][1]} {line.strip().decode('latin-1')}"
        elif colon and _TOKEN.fullmatch(name):
            headers.append((name.decode("latin-1"), value.strip().decode("latin-1")))
        else:
            raise RequestError(400, "A header of the request cannot be read.")


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    """A header's name in the environ; "" for one with an underscore, which could pass for another."""
    if "_" in name:
        return ""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def make_environ(head: Head, stream: Stream, fixed: WSGIEnvironment) -> WSGIEnvironment:
    """The WSGI environ of a request whose body comes next on `stream`; `fixed` is what the connection adds.

    Raises RequestError for a body whose end cannot be known.
    """
    path, _, query = head.target.partition("?")
    host = ""
    if "://" in path:  # an absolute URL, as proxies send it
        parts = urlsplit(head.target)
        path, query, host = parts.path or "/", parts.query, parts.netloc
    raw = head.target
    if path.startswith("//"):
        path, raw = "/" + path.lstrip("/"), "/" + raw.lstrip("/")
    environ = {
        **fixed,
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "SCRIPT_NAME": "",
        "REQUEST_METHOD": head.method,
        "SERVER_PROTOCOL": head.version,
        "PATH_INFO": unquote(path, "latin-1") if "%" in path else path,
        "QUERY_STRING": query,
        "REQUEST_URI": raw,
        "RAW_URI": raw,
    }
    for name, value in head.headers:
        key = _key(name)
        if key in environ:
            environ[key] += "," + value
        elif key:
            environ[key] = value
    if any("_" in name for name, _ in head.headers):
        keep_underscores(environ, dict(head.headers))
    if host:
        environ["HTTP_HOST"] = host
    _add_body(environ, stream)
    return environ


def _add_body(environ: WSGIEnvironment, stream: Stream) -> None:
    length = environ.get("CONTENT_LENGTH", "")
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if coding:
        if coding.strip() != "chunked":
            raise RequestError(501, "The only Transfer-Encoding that is read here is chunked.")
        environ["wsgi.input_terminated"] = True
        environ["wsgi.input"] = ChunkedBody(stream)
        environ.pop("CONTENT_LENGTH", None)  # RFC 9112, 6.3: chunked overrides it
    elif length and not (length.isascii() and length.isdecimal()):
        raise RequestError(400, "The request's Content-Length is not a number.")
    else:
        environ["wsgi.input"] = Body(stream, int(length or 0))


def keeps_connection(environ: WSGIEnvironment) -> bool:
    """Whether the client may send another request after this one."""
    wish = environ.get("HTTP_CONNECTION", "").lower()
    return bool(wish == "keep-alive" if environ["SERVER_PROTOCOL"] == "HTTP/1.0" else wish != "close")
