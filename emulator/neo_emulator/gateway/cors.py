"""Cross-origin requests (CORS): pages of any origin may call the emulator from a browser.

For a bucket with a CORS configuration moto applies it, as S3 does. Without one S3 refuses; the emulator allows.
Source: the Fetch standard, "CORS protocol".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws.s3.addressing import bucket_and_key

METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
EXPOSED = "x-amzn-requestid, x-amzn-errortype, x-amz-request-id, x-amz-version-id, etag, date, content-length"
AGE_SECONDS = 600


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Whether this is a CORS preflight request. Browsers never sign them."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


class Preflight:
    """A handler that allows preflight requests; it declines (None) all others, and those for buckets with rules."""

    def __init__(self, has_rules: Callable[[str], bool]) -> None:
        self._has_rules = has_rules  # whether a bucket has a CORS configuration

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """A response that allows the requested method and headers, or None."""
        if not is_preflight(environ):
            return None
        bucket, _ = bucket_and_key(environ)
        if bucket and self._has_rules(bucket):
            return None
        asked = str(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS") or "*")
        headers = [
            ("Access-Control-Allow-Methods", METHODS),
            ("Access-Control-Allow-Headers", asked),
            ("Access-Control-Max-Age", str(AGE_SECONDS)),
            ("Content-Length", "0"),
        ]
        start_response("200 OK", headers)
        return [b""]


def allowing(environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
    """`start_response` that adds CORS headers; unchanged for requests without an Origin header."""
    if "HTTP_ORIGIN" not in environ:
        return start_response

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        names = {name.lower() for name, _ in headers}
        more = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED}
        added = [(name, value) for name, value in more.items() if name.lower() not in names]
        return start_response(status, [*headers, *added], exc_info)

    return start
