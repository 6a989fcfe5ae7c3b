"""What one client may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Limits:
    """Sizes are bytes. What is beyond a limit is answered with the status in the comment."""

    head_bytes: int = 65536  # of a request's first line and headers: 414, 431
    headers: int = 200  # 431
    body_bytes: int = 5 << 30  # S3's own limit for one PUT: 413
    connections: int = 512  # at the same time: 503
    idle_seconds: float = 75.0  # for a whole head, or without a byte of a body or of room for the answer: 408

    @property
    def overloaded(self) -> Self:
        """Those of a connection beyond `connections`, which is told so and must not stay."""
        return replace(self, idle_seconds=min(self.idle_seconds, 2.0))


DEFAULT = Limits()
