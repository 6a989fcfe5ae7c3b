"""With NEO_EMULATOR_AUTH=sigv4: a request parsed once, and made anew from what was parsed.

Whoever answers reads the request made here, in which nothing is left that was not judged: S3's in path style, its query
written anew from its decoded names and values, of its headers those that were signed and a short list of plain ones.
moto finds the service in the Authorization header, which is written anew, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, unquote_plus
from wsgiref.types import WSGIEnvironment

from neo_emulator.aws.s3.addressing import bucket_and_key, use_own_host
from neo_emulator.aws.signing import sigv2, sigv4
from neo_emulator.protocol.request_context import authorize, replace_body

JUDGED = "neo_emulator.judged"
"""In an environ: the `Judged` that the request was made from."""
PLAIN = frozenset(
    {
        "accept",
        "access-control-request-headers",
        "access-control-request-method",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "expect",
        "expires",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-unmodified-since",
        "origin",
        "range",
        "sec-fetch-site",
        "transfer-encoding",
    }
)
"""Headers that need no signature."""
_MUST_BE_SIGNED = ("x-amz-", "x-moto-")
_HARMLESS = frozenset({"x-amz-checksum-mode"})
"""Of those, what every SDK sends without a signature where it has no keys."""
_IGNORED = frozenset({"x-amz-user-agent"})
_OF_THE_SIGNATURE = frozenset(
    {
        "AWSAccessKeyId",
        "Expires",
        "Signature",
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "x-amz-security-token",
    }
)
_LISTING = frozenset(
    {
        "continuation-token",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "list-type",
        "marker",
        "max-keys",
        "prefix",
        "start-after",
    }
)
_NOTHING = frozenset({"x-id"})
"""What the SDK for JavaScript adds, and S3 ignores."""
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_PRESERVED = "moto.preserved_header_names"
Signature = sigv4.Signature | sigv2.Signature


class NotSigned(Exception):  # noqa: N818 - a verdict
    """A part of the request that matters is not signed, or is not what its service takes."""


@dataclass(frozen=True)
class Judged:
    """What a request was judged to be."""

    service: str  # signing name
    bucket: str  # "" for none, and for other services than S3
    key: str
    action: str  # "s3:GetObject", "s3:ListBucket" without a signature, "" with one: a known key may do anything


def rebuild(environ: WSGIEnvironment, claimed: Signature | None, region: str) -> Judged:
    """Makes `environ` anew from what is judged, and says what that is. Raises NotSigned; then it is not to be used.

    Without a signature it is a preflight, or reads an object or lists a bucket.
    """
    signed = frozenset(claimed.signed_headers) if isinstance(claimed, sigv4.Signature) else None
    _keep_headers(environ, claimed, signed)
    service = claimed.service if claimed is not None else "s3"
    _check_target(environ, service)
    query = _query(environ, claimed)
    bucket = key = action = ""
    control = service == "s3" and _is_s3_control(environ)
    if service == "s3" and not control:
        bucket, key = bucket_and_key(environ)
        if bucket and not _BUCKET.fullmatch(bucket):
            raise NotSigned("The specified bucket is not valid.")
        if claimed is None:
            action, query = _open_to_all(environ, bucket, key, query)
        path = "/" + quote(bucket, safe="") + (f"/{quote(key, safe='/~')}" if key else "")
        use_own_host(environ)
    else:
        path = str(environ.get("RAW_URI") or quote(str(environ.get("PATH_INFO", "/")))).partition("?")[0]
    _write(environ, path, query)
    day, key_id = (claimed.day, claimed.access_key) if isinstance(claimed, sigv4.Signature) else ("20000101", "")
    if isinstance(claimed, sigv4.Signature):
        region = claimed.region
    elif claimed is not None:
        key_id = claimed.access_key
    scope = f"{key_id or 'anonymous'}/{day}/{region}/{service}/aws4_request"
    authorize(environ, f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
    judged = environ[JUDGED] = Judged("s3control" if control else service, bucket, key, action)
    return judged


def _is_s3_control(environ: WSGIEnvironment) -> bool:
    """Whether moto serves S3 Control, which signs as S3 does. It has no anonymous callers."""
    return "s3-control" in str(environ.get("HTTP_HOST")) or str(environ.get("PATH_INFO")).startswith("/v20180820/")


def _open_to_all(
    environ: WSGIEnvironment, bucket: str, key: str, query: list[tuple[str, str]]
) -> tuple[str, list[tuple[str, str]]]:
    """The action of a request without a signature, and what is left of its query."""
    method = environ["REQUEST_METHOD"]
    replace_body(environ, b"")
    environ.pop("CONTENT_TYPE", None)
    if method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
        return "", []
    names = {name for name, _ in query} - _NOTHING
    if method not in ("GET", "HEAD") or not bucket or not names <= (frozenset() if key else _LISTING):
        raise NotSigned("Access Denied")
    return "s3:GetObject" if key else "s3:ListBucket", [pair for pair in query if pair[0] not in _NOTHING]


def _keep_headers(environ: WSGIEnvironment, claimed: Signature | None, signed: frozenset[str] | None) -> None:
    """Removes every header that is neither signed nor plain. Raises NotSigned for one that would have to be signed."""
    spelt: dict[str, str] = environ.get(_PRESERVED) or {}
    for key in [key for key in environ if key.startswith("HTTP_")]:
        name = spelt.get(key, key.removeprefix("HTTP_").replace("_", "-")).lower()
        if name in PLAIN or (signed is not None and name in signed and name != "authorization"):
            continue
        if name.startswith(_MUST_BE_SIGNED) and name not in _IGNORED:
            in_v2 = isinstance(claimed, sigv2.Signature) and name.startswith("x-amz-")
            if in_v2 or (claimed is None and name in _HARMLESS):
                continue
            raise NotSigned("There were headers present in the request which were not signed")
        del environ[key]


def _check_target(environ: WSGIEnvironment, service: str) -> None:
    """Raises NotSigned for an operation of a service that the emulator answers itself, signed for another service."""
    services = {"SageMaker": "sagemaker", "ResourceGroupsTaggingAPI_20170126": "tagging"}
    wanted = services.get(str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")[0])
    if wanted is not None and service != wanted:
        raise NotSigned(f"Credential should be scoped to correct service: '{wanted}'.")


def _query(environ: WSGIEnvironment, claimed: Signature | None) -> list[tuple[str, str]]:
    """The decoded names and values of the query, without those of the signature itself."""
    decode = unquote_plus if claimed is None else unquote  # a signature takes "+" for itself
    pairs = []
    for pair in str(environ.get("QUERY_STRING", "")).split("&"):
        name, _, value = pair.partition("=")
        if pair:
            pairs.append((decode(name), decode(value)))
    if isinstance(claimed, sigv2.Signature):
        loose = {name for name, _ in pairs if not sigv2.signs(name)} - _LISTING - _NOTHING - _OF_THE_SIGNATURE
        if loose:
            raise NotSigned(f"Signature Version 2 does not sign {min(loose)}.")
    return pairs if claimed is None else [pair for pair in pairs if pair[0] not in _OF_THE_SIGNATURE]


def _write(environ: WSGIEnvironment, path: str, query: list[tuple[str, str]]) -> None:
    text = "&".join(quote(name, safe="") + (f"={quote(value, safe='')}" if value else "") for name, value in query)
    environ["PATH_INFO"] = unquote(path, "latin-1") or "/"
    environ["QUERY_STRING"] = text
    environ["RAW_URI"] = environ["REQUEST_URI"] = (path or "/") + (f"?{text}" if text else "")
