"""Which objects a transform job reads, and where it writes the result of each.

Source: API_TransformOutput (S3OutputPath), API_TransformS3DataSource (S3Prefix, ManifestFile).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from neo_compiler.errors import CompileError
from neo_compiler.storage.s3 import Storage
from neo_compiler.storage.s3_uri import S3Uri, S3UriError, parse
from neo_workers.jobs import JsonObject

MOST_MANIFEST_BYTES = 64 << 20
SUFFIX = ".out"


class SourceError(Exception):
    """The input cannot be listed; the text is the job's FailureReason."""


@dataclass(frozen=True)
class Source:
    """One input object and the object that its result is written to."""

    input: S3Uri
    output: S3Uri


def sources(request: JsonObject, storage: Storage) -> list[Source]:
    """All of a job's, in order of their keys or of the manifest. Raises SourceError where there is none."""
    data = request["TransformInput"]["DataSource"]["S3DataSource"]
    try:
        place, target = parse(data["S3Uri"]), parse(request["TransformOutput"]["S3OutputPath"])
        storage.check_output(target)
        if data["S3DataType"] == "ManifestFile":
            found = _manifest(storage.read(place, MOST_MANIFEST_BYTES), data["S3Uri"])
        else:
            keys = [key for key in storage.keys(place) if not key.endswith("/")]
            base = place.key[: place.key.rfind("/") + 1]
            found = [(S3Uri(place.bucket, key), key.removeprefix(base)) for key in keys]
    except S3UriError as error:
        raise SourceError(f"ClientError: {error}") from error
    except CompileError as error:
        raise SourceError(f"{error.prefix.split()[0]} {error}") from error
    if not found:
        raise SourceError(f'ClientError: No S3 objects found under S3 URL "{data["S3Uri"]}" given in input data source')
    prefix = target.key.rstrip("/") + "/" if target.key.strip("/") else ""
    return [Source(given, S3Uri(target.bucket, f"{prefix}{relative}{SUFFIX}")) for given, relative in found]


def _manifest(text: bytes, uri: str) -> list[tuple[S3Uri, str]]:
    """Input objects and their keys relative to the manifest's prefix."""
    try:
        first, *names = json.loads(text)
        base = parse(first["prefix"])
        if not all(isinstance(name, str) for name in names):
            raise TypeError("a name is not a text")
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(
            f'ClientError: the manifest {uri} is not a list of {{"prefix": "s3://..."}} and of keys relative to it: '
            f"{error}"
        ) from error
    return [(S3Uri(base.bucket, base.key + name), name.lstrip("/")) for name in names]
