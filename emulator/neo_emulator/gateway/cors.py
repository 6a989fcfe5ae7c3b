"""Cross-origin requests (CORS): which pages may read the emulator's answers in a browser.

For a bucket with a CORS configuration moto applies it, as S3 does. Else pages of this machine (localhost, 127.0.0.1)
may call the AWS API, and those of NEO_EMULATOR_CORS_ORIGINS. Control addresses are open to origins named there alone.
Source: the Fetch standard, "CORS protocol".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws.moto_errors import error_response
from neo_emulator.aws.s3.addressing import bucket_and_key
from neo_emulator.control.handler import is_control
from neo_emulator.http.proxies import is_local
from neo_emulator.protocol.errors import ServiceError

METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
EXPOSED = "x-amzn-requestid, x-amzn-errortype, x-amz-request-id, x-amz-version-id, etag, date, content-length"
AGE_SECONDS = 600


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Whether this is a CORS preflight request. Browsers never sign them."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


class Cors:
    """A handler for preflight requests, and the headers of all other answers."""

    def __init__(self, origins: str, has_rules: Callable[[str], bool]) -> None:
        """`origins` is "https://a.example,http://b:3000" or "*"; `has_rules` says if a bucket has a configuration."""
        self._origins = frozenset(part.strip().rstrip("/").lower() for part in origins.split(",") if part.strip())
        self._has_rules = has_rules

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The answer to a preflight request; None for all others, and for those to buckets with rules."""
        if not is_preflight(environ) or self._is_ruled(environ):
            return None
        if not self.allows(environ):
            text = "CORSResponse: this origin is not allowed. NEO_EMULATOR_CORS_ORIGINS names those that are."
            return error_response(environ, ServiceError("AccessForbidden", text, 403)).send(start_response)
        asked = str(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS") or "*")
        headers = [
            ("Access-Control-Allow-Methods", METHODS),
            ("Access-Control-Allow-Headers", asked),
            ("Access-Control-Max-Age", str(AGE_SECONDS)),
            ("Content-Length", "0"),
        ]
        start_response("200 OK", headers)
        return [b""]

    def _is_ruled(self, environ: WSGIEnvironment) -> bool:
        bucket, _ = bucket_and_key(environ)
        return bucket != "" and not is_control(environ) and self._has_rules(bucket)

    def allows(self, environ: WSGIEnvironment) -> bool:
        """Whether a page of the request's Origin may read the answer, where no bucket's rules say so."""
        origin = str(environ.get("HTTP_ORIGIN", "")).lower()
        if origin in self._origins:
            return True
        return not is_control(environ) and ("*" in self._origins or _is_of_this_machine(origin))

    def allowing(self, environ: WSGIEnvironment, start_response: StartResponse) -> StartResponse:
        """`start_response` with CORS headers added, if the request's origin is allowed."""
        if "HTTP_ORIGIN" not in environ or not self.allows(environ):
            return start_response
        origin = str(environ["HTTP_ORIGIN"])

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            names = {name.lower() for name, _ in headers}
            more = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED, "Vary": "Origin"}
            if self._is_ruled(environ):
                more = {}
            added = [(name, value) for name, value in more.items() if name.lower() not in names]
            return start_response(status, [*headers, *added], exc_info)

        return start


def _is_of_this_machine(origin: str) -> bool:
    try:
        return urlsplit(origin).scheme in ("http", "https") and is_local(origin)
    except ValueError:
        return False
