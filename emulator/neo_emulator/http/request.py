"""Builds the WSGI environ of a request, including the undecoded path (RAW_URI), which moto's S3 needs.

Source: PEP 3333; RFC 9110 and 9112 for malformed requests that the parser accepts and this module refuses.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from urllib.parse import unquote, urlsplit
from wsgiref.types import WSGIEnvironment

from neo_emulator.http.body import Body
from neo_emulator.http.errors import RequestError
from neo_emulator.http.receiver import Receiver, Request

HEADERS = "neo_emulator.headers"
"""Key in an environ: all headers as sent, list[tuple[str, str]]; set only if a header name has an underscore."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]*)?")  # RFC 9110, 7.2


@lru_cache(maxsize=1024)
def _key(name: bytes) -> str:
    """A header's key in the environ; "" for a name with an underscore, which would be ambiguous."""
    if b"_" in name:
        return ""
    key = name.decode().upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def make_environ(request: Request, receiver: Receiver, fixed: WSGIEnvironment) -> WSGIEnvironment:
    """The WSGI environ of `request` with a `Body` as wsgi.input, based on `fixed_environ`. Raises RequestError."""
    if request.version not in ("1.0", "1.1"):
        raise RequestError(505, f"HTTP/{request.version} is not supported. Use HTTP/1.1.")
    target, authority = _origin_form(request)
    path, _, query = target.partition("?")
    environ = {
        **fixed,
        "REQUEST_METHOD": request.method,
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "PATH_INFO": unquote(path, "latin-1") if "%" in path else path,
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "RAW_URI": target,
    }
    odd = False
    for name, raw in request.headers:
        key, value = _key(name), raw.strip().decode("latin-1")
        if key in environ:
            if key == "HTTP_HOST":
                raise RequestError(400, "The request has more than one Host header.")
            environ[key] += "," + value
        elif key:
            environ[key] = value
        else:
            odd = True
    if odd:
        environ[HEADERS] = [(name.decode(), raw.strip().decode("latin-1")) for name, raw in request.headers]
    _settle_host(environ, authority)
    environ["wsgi.input"] = _body(environ, request, receiver)
    return environ


def _origin_form(request: Request) -> tuple[str, str]:
    """The target's path with query, and the host if it is an absolute URL (a proxy request). Raises RequestError."""
    target, authority = request.target.decode("ascii"), ""
    if "#" in target:
        raise RequestError(400, "The request target has a fragment.")
    if target == "*" and request.method != "OPTIONS":
        raise RequestError(400, "Only OPTIONS may have the request target '*'.")
    if target[0] not in "/*":
        try:
            parts = urlsplit(target)
        except ValueError as error:
            raise RequestError(400, "The request target is not a valid URL.") from error
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise RequestError(400, "The request target is not an HTTP URL.")
        authority = parts.netloc
        target = (parts.path or "/") + (f"?{parts.query}" if "?" in target else "")
    if target.startswith("//"):
        target = "/" + target.lstrip("/")
    return target, authority


@lru_cache(maxsize=256)
def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def _settle_host(environ: WSGIEnvironment, authority: str) -> None:
    """Validates the Host header, and replaces it by the host of an absolute URL. Source: RFC 9112, 3.2."""
    host = environ.get("HTTP_HOST")
    if host is None and environ["SERVER_PROTOCOL"] == "HTTP/1.1":
        raise RequestError(400, "The request has no Host header.")
    if not (_is_host(host or "") and _is_host(authority)):
        raise RequestError(400, "The Host header is not valid.")
    if authority or not host:
        environ["HTTP_HOST"] = authority or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"


def _body(environ: WSGIEnvironment, request: Request, receiver: Receiver) -> Body:
    old = environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if coding and (old or coding != "chunked"):  # RFC 9112, 6.1 and 6.3
        if old or coding.rpartition(",")[2].strip() != "chunked":
            raise RequestError(400, "The length of the request body is ambiguous.")
        raise RequestError(501, "The only supported Transfer-Encoding is chunked.")
    expected = "" if old else environ.get("HTTP_EXPECT", "").lower()
    if expected not in ("", "100-continue"):
        raise RequestError(417, "The only supported Expect value is 100-continue.")
    if coding:
        environ["wsgi.input_terminated"] = True
    length = None if coding else int(environ.get("CONTENT_LENGTH") or 0)
    return Body(request, receiver, length, bool(expected))


def fixed_environ(scheme: str, server: tuple[str, int], client: tuple[str, int]) -> WSGIEnvironment:
    """The part of the environ that all requests of a connection share. Addresses are (host, port), ("", 0) for Unix."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": "neo-emulator",
        "SERVER_NAME": server[0] or "localhost",
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
    }
