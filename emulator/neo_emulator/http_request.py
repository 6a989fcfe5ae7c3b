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
from typing import IO, Any, Protocol, cast
from urllib.parse import unquote, urlsplit
from wsgiref.types import WSGIEnvironment

from werkzeug.serving import DechunkedInput

from neo_emulator.moto_bridge import keep_underscores

MOST_LINE_BYTES = 65536
MOST_HEADERS = 200
DRAIN_BYTES = 1 << 30
"""Most of an unread request body that is read to keep its connection; behind that it is closed."""
_VERSION = re.compile(r"HTTP/1\.[0-9]")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


class Stream(Protocol):
    """What is read of a connection."""

    def read(self, size: int = -1, /) -> bytes: ...

    def readline(self, size: int = -1, /) -> bytes: ...


class RequestError(Exception):
    """What came is not an HTTP request that this server reads; the connection cannot go on."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Head:
    """A request's first line and its headers, in order and spelt as they were sent; the latter without their blanks."""

    method: str
    target: str  # "/bucket/key?list-type=2"
    version: str  # "HTTP/1.1"
    headers: Sequence[tuple[str, str]]


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
        environ["wsgi.input"] = DechunkedInput(cast("IO[bytes]", stream))
        environ.pop("CONTENT_LENGTH", None)  # RFC 9112, 6.3: chunked overrides it
    elif length and not (length.isascii() and length.isdecimal()):
        raise RequestError(400, "The request's Content-Length is not a number.")
    else:
        environ["wsgi.input"] = Body(stream, int(length or 0))


def keeps_connection(environ: WSGIEnvironment) -> bool:
    """Whether the client may send another request after this one."""
    wish = environ.get("HTTP_CONNECTION", "").lower()
    return bool(wish == "keep-alive" if environ["SERVER_PROTOCOL"] == "HTTP/1.0" else wish != "close")
