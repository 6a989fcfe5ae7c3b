"""Texts in a Redis stream that drops its oldest ones, for readers that each have their own position."""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import RedisError

MAX_ENTRIES = 5000
BEGINNING = "0-0"
log = logging.getLogger(__name__)


class TextStream:
    """One stream. Safe to share between threads."""

    def __init__(self, connection: Any, key: str) -> None:
        self._redis, self._key = connection, key

    def add(self, text: str) -> None:
        """Appends a text. It is lost, with a warning, if Redis is away."""
        try:
            self._redis.xadd(self._key, {"text": text}, maxlen=MAX_ENTRIES, approximate=True)
        except RedisError as error:
            log.warning("an entry of %s is lost: %s", self._key, error)

    def end(self) -> str:
        """The position after the last entry."""
        last = self._redis.xrevrange(self._key, count=1)
        return str(last[0][0]) if last else BEGINNING

    def read(self, after: str) -> tuple[str, list[str]]:
        """The next position, and the texts after `after`, oldest first; at most 200."""
        rows = self._redis.xrange(self._key, min=f"({after}", count=200)
        return (rows[-1][0] if rows else after), [row["text"] for _, row in rows if "text" in row]
