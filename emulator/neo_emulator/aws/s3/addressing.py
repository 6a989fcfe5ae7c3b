"""The bucket and the key of an S3 request.

Source: "Virtual hosting of buckets" of the S3 user guide.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, unquote
from wsgiref.types import WSGIEnvironment

from neo_emulator.protocol.hosts import VIRTUAL_BUCKET, Hosts

_SPLITS = re.compile("response-[a-z-]+=[^&]*%0[AaDd]")


def bucket_and_key(environ: WSGIEnvironment) -> tuple[str, str]:
    """The bucket and key that a request addresses, each "" if absent."""
    path = str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")[0].removeprefix("/")
    bucket = bucket_of_host(environ)
    if not bucket:
        bucket, _, path = path.lstrip("/").partition("/")
    return unquote(bucket), unquote(path)


def bucket_of_host(environ: WSGIEnvironment) -> str:
    """The bucket of a virtual-hosted-style request, "" for a path-style one. A host without a dot has no bucket."""
    if VIRTUAL_BUCKET in environ:
        return str(environ[VIRTUAL_BUCKET])
    return _hosts().bucket(str(environ.get("HTTP_HOST", "")))


@lru_cache(maxsize=1)
def _hosts() -> Hosts:
    return Hosts()


def to_path_style(environ: WSGIEnvironment) -> None:
    """Puts the bucket of a virtual-hosted-style request into its path, so that nobody looks for one in the Host."""
    bucket = bucket_of_host(environ)
    if bucket:
        path = str(environ.get("RAW_URI") or quote(str(environ.get("PATH_INFO", "/"))))
        environ["RAW_URI"] = f"/{quote(bucket, safe='')}{path if path.startswith('/') else '/' + path}"
        environ["PATH_INFO"] = f"/{bucket}{environ.get('PATH_INFO', '/')}"
    use_own_host(environ)


def use_own_host(environ: WSGIEnvironment) -> None:
    """Gives a path-style request a Host without a bucket."""
    environ["HTTP_HOST"] = f"localhost:{environ.get('SERVER_PORT', 80)}"
    environ[VIRTUAL_BUCKET] = ""


def splits_headers(environ: WSGIEnvironment) -> bool:
    """Whether a parameter such as response-content-type would inject a line break into a response header."""
    return _SPLITS.search(str(environ.get("QUERY_STRING", ""))) is not None
