"""The bucket, key and IAM action of an S3 request.

Source: "Virtual hosting of buckets" and "Actions, resources, and condition keys for Amazon S3".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote
from wsgiref.types import WSGIEnvironment

_ADDRESS = re.compile(r"\[.*\]|[0-9.]+")
_SPLITS = re.compile("response-[a-z-]+=[^&]*%0[AaDd]")
_ENDPOINT = re.compile(r"s3[.-]")  # s3.amazonaws.com, s3.us-west-2.amazonaws.com, s3-eu-west-1.amazonaws.com


@dataclass(frozen=True)
class S3Request:
    """A request that a bucket policy or an access control list can allow."""

    bucket: str
    key: str  # "" for the bucket itself
    action: str  # "s3:GetObject"


_OBJECT = {
    ("GET", ""): "s3:GetObject",
    ("GET", "versionId"): "s3:GetObjectVersion",
    ("GET", "acl"): "s3:GetObjectAcl",
    ("GET", "tagging"): "s3:GetObjectTagging",
    ("GET", "attributes"): "s3:GetObjectAttributes",
    ("GET", "uploadId"): "s3:ListMultipartUploadParts",
    ("PUT", ""): "s3:PutObject",
    ("PUT", "partNumber"): "s3:PutObject",
    ("PUT", "acl"): "s3:PutObjectAcl",
    ("PUT", "tagging"): "s3:PutObjectTagging",
    ("POST", "uploads"): "s3:PutObject",
    ("POST", "uploadId"): "s3:PutObject",
    ("DELETE", ""): "s3:DeleteObject",
    ("DELETE", "versionId"): "s3:DeleteObjectVersion",
    ("DELETE", "tagging"): "s3:DeleteObjectTagging",
    ("DELETE", "uploadId"): "s3:AbortMultipartUpload",
}
_BUCKET = {
    ("GET", ""): "s3:ListBucket",
    ("GET", "versions"): "s3:ListBucketVersions",
    ("GET", "uploads"): "s3:ListBucketMultipartUploads",
    ("GET", "acl"): "s3:GetBucketAcl",
    ("GET", "location"): "s3:GetBucketLocation",
    ("GET", "policy"): "s3:GetBucketPolicy",
    ("GET", "tagging"): "s3:GetBucketTagging",
    ("GET", "versioning"): "s3:GetBucketVersioning",
    ("GET", "website"): "s3:GetBucketWebsite",
}
"""IAM actions by method and subresource; all others are denied to anonymous callers."""
_KNOWN = [
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
]
"""Query parameters that select a subresource; "partNumber" comes before "uploadId", which accompanies it."""


def s3_request(environ: WSGIEnvironment) -> S3Request | None:
    """The bucket, key and action of a request; None without a bucket or for an action that is not in the tables."""
    bucket, key = bucket_and_key(environ)
    if not bucket:
        return None
    names = {pair.partition("=")[0] for pair in str(environ.get("QUERY_STRING", "")).split("&")}
    subresource = next((name for name in _KNOWN if name in names), "")
    method = "GET" if environ["REQUEST_METHOD"] == "HEAD" else str(environ["REQUEST_METHOD"])
    if method == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ:
        return None  # a copy also needs permission to read its source
    action = (_OBJECT if key else _BUCKET).get((method, subresource))
    return S3Request(bucket, key, action) if action else None


def bucket_and_key(environ: WSGIEnvironment) -> tuple[str, str]:
    """The bucket and key that a request addresses, each "" if absent."""
    path = str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")[0].lstrip("/")
    bucket = bucket_of_host(environ)
    if not bucket:
        bucket, _, path = path.partition("/")
    return unquote(bucket), unquote(path)


def bucket_of_host(environ: WSGIEnvironment) -> str:
    """The bucket of a virtual-hosted-style request, "" for a path-style one. A host without a dot has no bucket."""
    host = str(environ.get("HTTP_HOST", "")).rpartition("@")[2]
    name = host if host.endswith("]") else host.partition(":")[0] if host.count(":") < 2 else host
    if "." not in name or _ADDRESS.fullmatch(name) or _ENDPOINT.match(name):
        return ""
    return re.split(r"\.s3[.-]", name, maxsplit=1)[0] if re.search(r"\.s3[.-]", name) else name.partition(".")[0]


def splits_headers(environ: WSGIEnvironment) -> bool:
    """Whether a parameter such as response-content-type would inject a line break into a response header."""
    return _SPLITS.search(str(environ.get("QUERY_STRING", ""))) is not None
