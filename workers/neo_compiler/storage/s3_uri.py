"""S3 URIs as in InputConfig and OutputConfig, and the artifact's URI.

Source: botocore's pattern for S3Uri, `(https|s3)://([^/]+)/?(.*)`; "Virtual hosting of buckets" in S3's user guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from neo_targets.registry import target_name

_URI = re.compile(r"(https|s3)://([^/]+)/?(.*)", re.DOTALL)
_AWS_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:[a-z0-9-]+))*\.amazonaws\.com(?:\.cn)?")
_ARCHIVE_ENDINGS = (".tar.gz", ".tgz")


class S3UriError(ValueError):
    """The text is not an S3 URI."""


@dataclass(frozen=True)
class S3Uri:
    """One object or prefix."""

    bucket: str
    key: str  # "" for the bucket itself

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def stem(self) -> str:
        """The file's name without .tar.gz, e.g. "model" of s3://b/p/model.tar.gz."""
        name = self.key.rsplit("/", 1)[-1]
        for ending in _ARCHIVE_ENDINGS:
            if name.lower().endswith(ending):
                return name[: -len(ending)]
        return name


def parse(text: str) -> S3Uri:
    """The S3Uri of s3://bucket/key, of https on an AWS host (both styles) and of https://bucket/key.

    Raises S3UriError.
    """
    match = _URI.fullmatch(text)
    if match is None:
        raise S3UriError(f"not an S3 URI: {text!r}")
    scheme, host, path = match.groups()
    if scheme == "s3":
        return S3Uri(host, path)
    path = unquote(path)
    on_aws = _AWS_HOST.fullmatch(host)
    if on_aws is None:
        return S3Uri(host, path)
    if on_aws["bucket"]:
        return S3Uri(on_aws["bucket"], path)
    bucket, _, key = path.partition("/")
    if not bucket:
        raise S3UriError(f"no bucket in the S3 URI {text!r}")
    return S3Uri(bucket, key)


def artifact_uri(input_uri: S3Uri, output_location: S3Uri, target: str) -> S3Uri:
    """The artifact's URI: `<prefix>/<stem>-<target>.tar.gz`; a slash at the prefix's end is ignored.

    `target` is a TargetDevice or "LINUX_ARM64_NVIDIA".
    Source: dev guide neo-getting-started-edge-step1; panorama-cli's README for platforms.
    """
    prefix = output_location.key.rstrip("/")
    name = f"{input_uri.stem}-{target}.tar.gz"
    return S3Uri(output_location.bucket, f"{prefix}/{name}" if prefix else name)


def artifact_of(request: Mapping[str, Any]) -> S3Uri:
    """The artifact's URI for a CreateCompilationJob request. Raises S3UriError."""
    output = request["OutputConfig"]
    location = parse(output["S3OutputLocation"])
    return artifact_uri(parse(request["InputConfig"]["S3Uri"]), location, target_name(output))
