"""Limits on what a client may send."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Limits:
    """Sizes are in bytes. A request beyond a limit gets the status in the comment."""

    head_bytes: int = 65536  # of a request line and headers: 414, 431
    headers: int = 200  # 431
    body_bytes: int = 5 << 30  # S3's own limit for one PUT: 413
    connections: int = 512  # at the same time: 503
    idle_seconds: float = 75.0  # for a complete head, or without progress of a body or a response: 408

    @property
    def overloaded(self) -> Self:
        """The limits of a connection in excess of `connections`, which only gets a 503."""
        return replace(self, idle_seconds=min(self.idle_seconds, 2.0))


DEFAULT = Limits()
