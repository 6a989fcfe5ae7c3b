"""What the API knows about an artifact: its bucket and key in S3, and the files in it. Loads no TVM."""

from __future__ import annotations

import io
import tarfile
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from neo_compiler.artifact.bundle import META, META_BYTES, Meta, digest
from neo_compiler.storage import s3_uri

__all__ = ["ArtifactFile", "Contents", "bucket_and_key", "contents", "digest"]

MOST_FILES, MOST_NAME, MOST_BYTES = 256, 256, 8 << 30
"""Files, characters of a name, and bytes unpacked, of an archive that is shown."""


@dataclass(frozen=True)
class ArtifactFile:
    """One file in an artifact."""

    name: str
    bytes: int


@dataclass(frozen=True)
class Contents:
    """The files of an artifact, in the order of the archive, and its metadata."""

    files: tuple[ArtifactFile, ...]
    bytes: int  # size of the tar.gz
    meta: dict[str, Any]  # parsed compiled.meta, {} if the artifact has none


def bucket_and_key(artifact_uri: str) -> tuple[str, str]:
    """The bucket and key of an artifact's S3 URI. Raises S3UriError (a ValueError) if it is not one."""
    place = s3_uri.parse(artifact_uri)
    return place.bucket, place.key


def contents(archive: bytes) -> Contents | None:
    """The contents of an artifact's tar.gz, which may come from anywhere.

    None if the bytes are not a readable archive of reasonable size; without `meta` if that is not of the schema.
    """
    files: list[ArtifactFile] = []
    meta: dict[str, Any] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                files.append(ArtifactFile(member.name[:MOST_NAME], member.size))
                if len(files) > MOST_FILES or sum(file.bytes for file in files) > MOST_BYTES:
                    return None
                if member.name == META and member.size > META_BYTES:
                    return None
                if member.name == META and (file := tar.extractfile(member)):
                    with suppress(ValueError):
                        meta = asdict(Meta.from_json(file.read(META_BYTES)))
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, RecursionError):
        return None
    return Contents(tuple(files), len(archive), meta)
