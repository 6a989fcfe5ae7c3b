"""Facts about a request that its handlers share, parsed once and kept in the WSGI environ; and its body, read once.

A handler that needs the body calls `read_body`, which keeps it in the environ for the next handlers.
"""

from __future__ import annotations

import io
import random
import re
from dataclasses import dataclass
from functools import cached_property
from wsgiref.types import WSGIEnvironment

_KEY = "neo_emulator.request_context"
_CREDENTIAL = re.compile(
    r"Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request"
)


@dataclass(frozen=True)
class Credential:
    """The scope of a SigV4 signature in the Authorization header; the signature itself is not verified."""

    access_key: str
    region: str
    service: str  # signing name, e.g. "sagemaker"


class RequestContext:
    """Information about the caller from the request's headers. Created by `context_of`."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        match = _CREDENTIAL.search(str(environ.get("HTTP_AUTHORIZATION", "")))
        self.credential = Credential(match["key"], match["region"], match["service"]) if match else None
        self.invocation = str(environ.get("HTTP_AMZ_SDK_INVOCATION_ID", ""))[:64]
        """ID of the SDK call, the same for its retries; "" if not sent. Source: the SDKs' amz-sdk-invocation-id."""

    @property
    def service(self) -> str:
        """The service's signing name from the signature, "" for an unsigned request."""
        return self.credential.service if self.credential else ""

    @cached_property
    def request_id(self) -> str:
        """The x-amzn-RequestId of the response."""
        return new_request_id()


def new_request_id() -> str:
    """A random UUID of version 4."""
    digits = f"{random.getrandbits(128):032x}"  # not uuid4(), which takes ten times as long
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def context_of(environ: WSGIEnvironment) -> RequestContext:
    """The request's context, created on the first call and kept in the environ."""
    context: RequestContext | None = environ.get(_KEY)
    if context is None:
        context = environ[_KEY] = RequestContext(environ)
    return context


def authorize(environ: WSGIEnvironment, authorization: str) -> None:
    """Replaces the request's Authorization header and discards its context."""
    environ["HTTP_AUTHORIZATION"] = authorization
    environ.pop(_KEY, None)


class _BufferedBody(io.BytesIO):
    """A body that `read_body` has read completely."""


def read_body(environ: WSGIEnvironment) -> bytes:
    """The complete body. It can be read again, by this function or from wsgi.input.

    Raises http.errors.ClientGone if the connection ends before the body does, RequestError for a body that is not
    valid HTTP.
    """
    stream = environ["wsgi.input"]
    if isinstance(stream, _BufferedBody):
        stream.seek(0)
        return stream.getvalue()
    ends = environ.get("wsgi.input_terminated")  # the stream itself ends with the body
    body: bytes = stream.read() if ends else stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    replace_body(environ, body)
    return body


def with_body(environ: WSGIEnvironment, body: bytes) -> WSGIEnvironment:
    """A copy of the request with another body."""
    copy = {name: value for name, value in environ.items() if name not in (_KEY, "werkzeug.request")}
    replace_body(copy, body)
    return copy


def replace_body(environ: WSGIEnvironment, body: bytes) -> None:
    """Puts another body into the request."""
    environ["wsgi.input"] = _BufferedBody(body)
    environ["CONTENT_LENGTH"] = str(len(body))
