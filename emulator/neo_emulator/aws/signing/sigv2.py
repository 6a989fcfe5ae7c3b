"""Verifies AWS Signature Version 2 of S3 requests, which boto3 still creates for presigned URLs.

The string to sign is botocore's. Source: "Signing and Authenticating REST Requests (AWS Signature Version 2)" of the S3
user guide.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, unquote
from wsgiref.types import WSGIEnvironment

from neo_emulator.aws.s3.addressing import bucket_of_host

SKEW = timedelta(minutes=15)
_HEADER = re.compile(r"AWS ([^:\s]+):(\S+)")
_OF_THE_SIGNATURE = frozenset({"AWSAccessKeyId", "Signature", "Expires"})
_STANDARD = {"content-md5": "HTTP_CONTENT_MD5", "content-type": "CONTENT_TYPE"}
"""Headers that are signed besides x-amz-*, and their names in a WSGI environ."""


@dataclass(frozen=True)
class Signature:
    """The signature that a request carries."""

    access_key: str
    value: str  # base64
    date: str  # as signed: Expires of a presigned URL, else Date, "" if x-amz-date replaces it
    at: str  # time of the request from its headers; "" for a presigned URL
    token: str
    service: str = "s3"

    @property
    def in_time(self) -> bool:
        """Whether a presigned URL has not expired, or a signed header's time is at most SKEW from now."""
        now = datetime.now(UTC)
        if not self.at:
            return self.date.isdecimal() and len(self.date) < 15 and now.timestamp() <= int(self.date)
        try:
            made = parsedate_to_datetime(self.at)
        except (ValueError, OverflowError, TypeError):  # a year of ten digits
            return False
        return _is_recent(made if made.tzinfo else made.replace(tzinfo=UTC), now)

    def verifies(self, secret: str, environ: WSGIEnvironment, payload: Callable[[], bytes]) -> bool:
        """Whether this signature was made with `secret`. Version 2 does not sign the payload."""
        text = self._string_to_sign(environ).encode()
        digest = hmac.digest(secret.encode(), text, "sha1")
        return hmac.compare_digest(base64.b64encode(digest), self.value.encode())

    def _string_to_sign(self, environ: WSGIEnvironment) -> str:
        from botocore.auth import HmacV1Auth
        from botocore.compat import HTTPHeaders

        signed = {} if self.at else {n: v for n, v in _query(environ) if n in _STANDARD or n.startswith("x-amz-")}
        for key, value in environ.items():
            if key.startswith("HTTP_X_AMZ_"):
                signed.setdefault(key.removeprefix("HTTP_").lower().replace("_", "-"), _text(value))
        for name, key in _STANDARD.items():
            if environ.get(key):
                signed[name] = _text(environ[key])
        signer = HmacV1Auth(None)
        signer._get_date = lambda: self.date
        path, bucket = _path(environ), bucket_of_host(environ)
        # a parameter with an empty value is signed like one without a value
        query = "&".join(pair.removesuffix("=") for pair in str(environ.get("QUERY_STRING", "")).split("&"))
        text: str = signer.canonical_string(
            environ["REQUEST_METHOD"],
            SplitResult("", "", path, query, ""),
            HTTPHeaders.from_dict(signed),
            auth_path=f"/{bucket}{path}" if bucket else None,
        )
        return text


def _is_recent(made: datetime, now: datetime) -> bool:
    """Whether a header's time is near enough to now."""
    try:
        return abs(now - made) <= SKEW
    except OverflowError:
        return False


def signature(environ: WSGIEnvironment) -> Signature | None:
    """The signature in the Authorization header or a presigned URL; None if there is none or it is malformed."""
    if match := _HEADER.fullmatch(str(environ.get("HTTP_AUTHORIZATION", "")).strip()):
        date, amz_date = str(environ.get("HTTP_DATE", "")), str(environ.get("HTTP_X_AMZ_DATE", ""))
        token = str(environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""))
        return Signature(match[1], match[2], "" if amz_date else date, amz_date or date or "never", token)
    query = dict(_query(environ))
    if not query.keys() >= _OF_THE_SIGNATURE:
        return None
    token = query.get("x-amz-security-token", "")
    return Signature(query["AWSAccessKeyId"], query["Signature"], query["Expires"], "", token)


def signs(name: str) -> bool:
    """Whether a signature covers a name of the query."""
    from botocore.auth import HmacV1Auth

    return name in HmacV1Auth.QSAOfInterest or name in _STANDARD or name.startswith("x-amz-")


def _query(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    pairs = (pair.partition("=") for pair in str(environ.get("QUERY_STRING", "")).split("&") if pair)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _path(environ: WSGIEnvironment) -> str:
    return str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")[0] or "/"


def _text(value: object) -> str:
    """A header's value as UTF-8: WSGI decodes its bytes as Latin-1."""
    return str(value).encode("latin-1").decode("utf-8", "replace")
