"""AWS Signature Version 2 of an S3 request, which boto3 still makes for presigned URLs, worked out anew from a secret.

Source: "Signing and Authenticating REST Requests (AWS Signature Version 2)" of the S3 user guide. Checked against
botocore in the tests.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import unquote
from wsgiref.types import WSGIEnvironment

from neo_emulator.aws.s3.addressing import bucket_of_host

SKEW = timedelta(minutes=15)
_HEADER = re.compile(r"AWS ([^:\s]+):(\S+)")
_SUBRESOURCES = frozenset(
    [
        "accelerate",
        "acl",
        "cors",
        "defaultObjectAcl",
        "delete",
        "lifecycle",
        "location",
        "logging",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    ]
)
"""Names of a query that are signed."""
_OF_THE_SIGNATURE = frozenset({"AWSAccessKeyId", "Signature", "Expires"})


@dataclass(frozen=True)
class Signature:
    """What a request claims of its signature."""

    access_key: str
    value: str  # base64
    date: str  # as it was signed: Expires of a presigned URL, else Date, "" where x-amz-date stands for it
    at: str  # when the request was made, as a header says it; "" for a presigned URL
    token: str
    service: str = "s3"

    @property
    def in_time(self) -> bool:
        """Whether a presigned URL has not expired, and a header is not old or from the future."""
        now = datetime.now(UTC)
        if not self.at:
            return self.date.isdecimal() and len(self.date) < 15 and now.timestamp() <= int(self.date)
        try:
            made = parsedate_to_datetime(self.at)
        except ValueError:
            return False
        return abs(now - (made if made.tzinfo else made.replace(tzinfo=UTC))) <= SKEW

    def verifies(self, secret: str, environ: WSGIEnvironment, payload: Callable[[], bytes]) -> bool:
        """Whether `secret` gives this signature. The payload is not signed."""
        digest = hmac.digest(secret.encode(), self._canonical(environ).encode("latin-1"), "sha1")
        return hmac.compare_digest(base64.b64encode(digest), self.value.encode("latin-1", "replace"))

    def _canonical(self, environ: WSGIEnvironment) -> str:
        amz = {
            name.removeprefix("HTTP_").lower().replace("_", "-"): str(value).strip()
            for name, value in environ.items()
            if name.startswith("HTTP_X_AMZ_")
        }
        query = dict(_query(environ))
        kind, digest = environ.get("CONTENT_TYPE") or "", environ.get("HTTP_CONTENT_MD5") or ""
        if not self.at:  # a presigned URL carries headers in its query too
            amz |= {name: value for name, value in query.items() if name.startswith("x-amz-")}
            kind, digest = kind or query.get("content-type", ""), digest or query.get("content-md5", "")
        lines = [environ["REQUEST_METHOD"], digest, kind, self.date, *(f"{name}:{amz[name]}" for name in sorted(amz))]
        return "\n".join([*lines, _resource(environ)])


def signature(environ: WSGIEnvironment) -> Signature | None:
    """The signature in the Authorization header or a presigned URL; None for a request without a readable one."""
    if match := _HEADER.fullmatch(str(environ.get("HTTP_AUTHORIZATION", "")).strip()):
        date, amz_date = str(environ.get("HTTP_DATE", "")), str(environ.get("HTTP_X_AMZ_DATE", ""))
        token = str(environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""))
        return Signature(match[1], match[2], "" if amz_date else date, amz_date or date or "never", token)
    query = dict(_query(environ))
    if not query.keys() >= _OF_THE_SIGNATURE:
        return None
    token = query.get("x-amz-security-token", "")
    return Signature(query["AWSAccessKeyId"], query["Signature"], query["Expires"], "", token)


def _query(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    pairs = (pair.partition("=") for pair in str(environ.get("QUERY_STRING", "")).split("&") if pair)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _resource(environ: WSGIEnvironment) -> str:
    path = str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")[0] or "/"
    if bucket := bucket_of_host(environ):
        path = f"/{bucket}{path}"
    signed = sorted((name, value) for name, value in _query(environ) if name in _SUBRESOURCES)
    query = "&".join(f"{name}={value}" if value else name for name, value in signed)
    return path + ("?" + query if query else "")
