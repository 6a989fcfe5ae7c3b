"""Verifies AWS Signature Version 4 by computing it from the secret key.

Source: "Create a signed AWS API request" of the IAM user guide; "Authenticating Requests: Using Query Parameters" and
"Signature Calculations for the Authorization Header" of the S3 API reference. Checked against botocore in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote_to_bytes
from wsgiref.types import WSGIEnvironment

from neo_emulator.aws.signing.chunks import ChunkChain

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
TIME_FORMAT = "%Y%m%dT%H%M%SZ"
UNSIGNED = "UNSIGNED-PAYLOAD"
_UNSIGNED_PAYLOADS = frozenset({"s3", "s3express", "s3-outposts"})
_PARTS = re.compile(rf"{ALGORITHM}\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{{64}})")
_SCOPE = re.compile(r"([^/]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_DIGEST = re.compile(r"[0-9a-f]{64}")  # other values mean an unsigned payload or signed chunks


@dataclass(frozen=True)
class Signature:
    """The signature that a request carries."""

    access_key: str
    day: str  # YYYYMMDD
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str  # 64 hex digits
    time: str  # YYYYMMDDTHHMMSSZ
    token: str  # of temporary credentials, else ""
    expires_seconds: int | None = None  # of a presigned URL

    @property
    def in_time(self) -> bool:
        """Whether a presigned URL has not expired, or a signed header's time is at most SKEW from now."""
        try:
            begun = datetime.strptime(self.time, TIME_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            return False
        now = datetime.now(UTC)
        lasts = SKEW if self.expires_seconds is None else timedelta(seconds=min(self.expires_seconds, 604_800))
        return begun - SKEW <= now <= begun + lasts and self.time.startswith(self.day)

    @property
    def scope(self) -> str:
        """What the signature is good for."""
        return f"{self.day}/{self.region}/{self.service}/aws4_request"

    @property
    def presigned(self) -> bool:
        """Whether the signature is in the query."""
        return self.expires_seconds is not None

    def verifies(self, secret: str, environ: WSGIEnvironment, payload: Callable[[], bytes]) -> bool:
        """Whether `secret` produces this signature over the request and its host, and the payload matches its digest.

        Only S3 takes a payload that is not signed.
        """
        sent = str(environ.get("HTTP_X_AMZ_CONTENT_SHA256", ""))
        if _DIGEST.fullmatch(sent):
            if hashlib.sha256(payload()).hexdigest() != sent:
                return False
        elif sent and self.service not in _UNSIGNED_PAYLOADS:
            return False
        if "host" not in self.signed_headers:
            return False
        request = hashlib.sha256(_canonical(self, environ, payload).encode()).hexdigest()
        text = f"{ALGORITHM}\n{self.time}\n{self.scope}\n{request}"
        return hmac.compare_digest(hmac.digest(self._key(secret), text.encode(), "sha256").hex(), self.value)

    def chunks(self, secret: str) -> ChunkChain:
        """Who verifies the chunks of the request's body."""
        return ChunkChain(self._key(secret), self.time, self.scope, self.value)

    def _key(self, secret: str) -> bytes:
        key = f"AWS4{secret}".encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return key


def signature(environ: WSGIEnvironment) -> Signature | None:
    """The signature in the Authorization header or a presigned URL; None if there is none or it is malformed."""
    if match := _PARTS.fullmatch(str(environ.get("HTTP_AUTHORIZATION", "")).strip()):
        credential, headers, value = match.groups()
        time, token, expires = environ.get("HTTP_X_AMZ_DATE", ""), environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""), None
    else:
        query = dict(parse_qsl(str(environ.get("QUERY_STRING", "")), keep_blank_values=True))
        if query.get("X-Amz-Algorithm") != ALGORITHM:
            return None
        names = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date", "X-Amz-Security-Token")
        credential, headers, value, time, token = (query.get(name, "") for name in names)
        lasts = query.get("X-Amz-Expires", "")
        expires = int(lasts) if lasts.isdecimal() and len(lasts) < 10 else 0
    scope = _SCOPE.fullmatch(credential)
    if scope is None:
        return None
    key, day, region, service = scope.groups()
    return Signature(key, day, region, service, tuple(headers.split(";")), value, str(time), str(token), expires)


def sha256_of(data: bytes) -> str:
    """The digest as hex digits."""
    return hashlib.sha256(data).hexdigest()


def _canonical(claimed: Signature, environ: WSGIEnvironment, payload: Callable[[], bytes]) -> str:
    unsigned = claimed.presigned and claimed.service in _UNSIGNED_PAYLOADS
    digest = environ.get("HTTP_X_AMZ_CONTENT_SHA256") or (UNSIGNED if unsigned else sha256_of(payload()))
    headers = "".join(f"{name}:{_header(environ, name)}\n" for name in claimed.signed_headers)
    path = str(environ.get("RAW_URI") or quote(str(environ.get("PATH_INFO", "/")))).partition("?")[0] or "/"
    path = quote(unquote_to_bytes(path) if claimed.service == "s3" else path, safe="/-_.~")
    parts = (environ["REQUEST_METHOD"], path, _query(environ), headers, ";".join(claimed.signed_headers), str(digest))
    return "\n".join(parts)


def _header(environ: WSGIEnvironment, name: str) -> str:
    key = name.upper().replace("-", "_")
    value = environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", "")
    return " ".join(str(value).split())


def _query(environ: WSGIEnvironment) -> str:
    pairs = []
    for pair in str(environ.get("QUERY_STRING", "")).split("&"):
        name, _, value = pair.partition("=")
        if pair and name != "X-Amz-Signature":
            pairs.append(tuple(quote(unquote_to_bytes(text), safe="-_.~") for text in (name, value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))
