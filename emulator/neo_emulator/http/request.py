"""A request as a WSGI environ, with what moto's S3 needs of werkzeug's server: the path as it was sent.

Source: PEP 3333; RFC 9110 and 9112 for what is refused here beyond what the parser refuses.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from urllib.parse import unquote, urlsplit
from wsgiref.types import WSGIEnvironment

from neo_emulator.http.errors import RequestError
from neo_emulator.http.receiver import Body, Receiver, Request

HEADERS = "neo_emulator.headers"
"""In an environ: all headers as they were sent, list[tuple[str, str]]; only where a name has an underscore."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]*)?")  # RFC 9110, 7.2


@lru_cache(maxsize=1024)
def _key(name: bytes) -> str:
    """A header's name in the environ; "" for one with an underscore, which could pass for another."""
    if b"_" in name:
        return ""
    key = name.decode().upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def make_environ(request: Request, receiver: Receiver, fixed: WSGIEnvironment) -> WSGIEnvironment:
    """The WSGI environ of `request`, wsgi.input a `Body`; `fixed` is what the connection adds. Raises RequestError."""
    if request.version not in ("1.0", "1.1"):
        raise RequestError(505, f"HTTP/1.1 is spoken here, not {request.version}.")
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
                raise RequestError(400, "The request has more than one Host.")
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
    """Path and query, and the host of an absolute URL, as proxies send it. Raises RequestError."""
    target, authority = request.target.decode("ascii"), ""
    if "#" in target:
        raise RequestError(400, "The request's target has a fragment.")
    if target == "*" and request.method != "OPTIONS":
        raise RequestError(400, "Only OPTIONS may ask about the server as a whole.")
    if target[0] not in "/*":
        try:
            parts = urlsplit(target)
        except ValueError as error:
            raise RequestError(400, "The request's target is not a URL.") from error
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise RequestError(400, "The request's target is not a URL of HTTP.")
        authority = parts.netloc
        target = (parts.path or "/") + (f"?{parts.query}" if "?" in target else "")
    if target.startswith("//"):
        target = "/" + target.lstrip("/")
    return target, authority


@lru_cache(maxsize=256)
def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None


def _settle_host(environ: WSGIEnvironment, authority: str) -> None:
    """Checks Host, and puts that of an absolute URL into its place. Source: RFC 9112, 3.2."""
    host = environ.get("HTTP_HOST")
    if host is None and environ["SERVER_PROTOCOL"] == "HTTP/1.1":
        raise RequestError(400, "The request has no Host.")
    if not (_is_host(host or "") and _is_host(authority)):
        raise RequestError(400, "The request's Host is not one.")
    if authority or not host:
        environ["HTTP_HOST"] = authority or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"


def _body(environ: WSGIEnvironment, request: Request, receiver: Receiver) -> Body:
    old = environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if coding and (old or coding != "chunked"):  # RFC 9112, 6.1 and 6.3
        if old or coding.rpartition(",")[2].strip() != "chunked":
            raise RequestError(400, "The end of the request's body cannot be known.")
        raise RequestError(501, "The only Transfer-Encoding that is read here is chunked.")
    expected = "" if old else environ.get("HTTP_EXPECT", "").lower()
    if expected not in ("", "100-continue"):
        raise RequestError(417, "The only expectation that is met here is 100-continue.")
    if coding:
        environ["wsgi.input_terminated"] = True
    length = None if coding else int(environ.get("CONTENT_LENGTH") or 0)
    return Body(request, receiver, length, bool(expected))


def fixed_environ(scheme: str, server: tuple[str, int], client: tuple[str, int]) -> WSGIEnvironment:
    """What is the same for all requests of a connection; addresses are host and port, ("", 0) for Unix sockets."""
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
