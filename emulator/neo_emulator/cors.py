"""Cross-origin requests: a page from anywhere may call the emulator from a browser.

Preflights on S3's paths are left to moto, which knows the rules that a bucket may have.
Source: the Fetch standard, "CORS protocol".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
EXPOSED = "x-amzn-requestid, x-amzn-errortype, x-amz-request-id, x-amz-version-id, etag, date, content-length"
AGE_SECONDS = 600


def preflight(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """A handler that answers a browser's question whether it may ask, and declines (None) all else."""
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD")
    path = str(environ.get("PATH_INFO", ""))
    if environ["REQUEST_METHOD"] != "OPTIONS" or asked is None or not (path in ("", "/") or path.startswith("/_neo")):
        return None
    headers = [
        ("Access-Control-Allow-Methods", METHODS),
        ("Access-Control-Allow-Headers", str(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS") or "*")),
        ("Access-Control-Max-Age", str(AGE_SECONDS)),
        ("Content-Length", "0"),
    ]
    start_response("200 OK", headers)
    return [b""]


def allowing(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """`start_response`, letting a page's script read the answer; as it is where no page asked."""
    if "HTTP_ORIGIN" not in environ:
        return start_response

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        names = {name.lower() for name, _ in headers}
        more = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED}
        added = [(name, value) for name, value in more.items() if name.lower() not in names]
        return start_response(status, [*headers, *added], exc_info)

    return start
