"""The contents of artifacts for the job page, cached."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from neo_workers import artifacts
from neo_workers.artifacts import Contents

MOST_BYTES = 256 << 20
"""Larger artifacts (in bytes) are not opened."""
MOST_KEPT = 64


class _Unreadable(Exception):  # noqa: N818
    """An artifact is missing, too large, or damaged."""


class ContentsCache:
    """Artifacts' contents by URI and digest; `read` returns an object's bytes, None if it cannot be read."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._opened = lru_cache(maxsize=MOST_KEPT)(self._open)

    def get(self, uri: str, digest: str) -> Contents | None:
        """The contents of the artifact at `uri` with `digest`; None if it cannot be read."""
        try:
            return self._opened(uri, digest)
        except _Unreadable:
            return None

    def _open(self, uri: str, digest: str) -> Contents:
        """Raises _Unreadable instead of returning None, which would be cached."""
        archive = self._read(uri)
        found = None if archive is None else artifacts.contents(archive)
        if found is None:
            raise _Unreadable(uri)
        return found
