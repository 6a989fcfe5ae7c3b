"""The bucket, key and IAM action of an S3 request.

Source: "Virtual hosting of buckets" and "Actions, resources, and condition keys for Amazon S3".
"""

from __future__ import annotations

import re
from urllib.parse import unquote
from wsgiref.types import WSGIEnvironment

_ADDRESS = re.compile(r"\[.*\]|[0-9.]+")
_SPLITS = re.compile("response-[a-z-]+=[^&]*%0[AaDd]")
_ENDPOINT = re.compile(r"s3[.-]")  # s3.amazonaws.com, s3.us-west-2.amazonaws.com, s3-eu-west-1.amazonaws.com


def bucket_and_key(environ: WSGIEnvironment) -> tuple[str, str]:
    """The bucket and key that a request addresses, each "" if absent."""
    path = str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")[0].removeprefix("/")
    bucket = bucket_of_host(environ)
    if not bucket:
        bucket, _, path = path.lstrip("/").partition("/")
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
