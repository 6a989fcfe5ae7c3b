"""What the API knows about an artifact: its bucket and key in S3, and the files in it. Loads no TVM."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any

from neo_compiler.artifact.bundle import META
from neo_compiler.storage import s3_uri


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
    """The contents of an artifact's tar.gz; None if the bytes are not a readable archive."""
    files: list[ArtifactFile] = []
    meta: dict[str, Any] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                files.append(ArtifactFile(member.name, member.size))
                if member.name == META and (file := tar.extractfile(member)):
                    meta = json.load(file)
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return None
    return Contents(tuple(files), len(archive), meta)
