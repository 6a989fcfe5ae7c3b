"""What lies in an artifact: its files, and what compiled.meta says of the model."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

from neo_compiler.artifact.bundle import META

MOST_BYTES = 256 << 20
"""Larger artifacts are not looked into."""


MOST_KEPT = 64
_KEPT: dict[tuple[str, str], dict[str, Any]] = {}


def contents(uri: str | None, digest: str, read: Callable[[str], bytes | None]) -> dict[str, Any] | None:
    """{"files": [{name, bytes}], "bytes": n, "meta": {...}} of the artifact at `uri`, None when it cannot be read.

    `read` gives an object's bytes; `digest` is the artifact's: what was found is kept for as long as that is the same.
    """
    if uri is None:
        return None
    key = (uri, digest)
    if key not in _KEPT:
        found = _look(read(uri))
        if found is None:
            return None
        if len(_KEPT) >= MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[key] = found
    return _KEPT[key]


def _look(data: bytes | None) -> dict[str, Any] | None:
    if data is None:
        return None
    files: list[dict[str, Any]] = []
    meta: dict[str, Any] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            for member in tar:
                files.append({"name": member.name, "bytes": member.size})
                if member.name == META and (file := tar.extractfile(member)):
                    meta = json.load(file)
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return None
    return {"files": files, "bytes": len(data), "meta": meta}
