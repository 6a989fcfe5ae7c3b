"""The chain of signatures of an aws-chunked body, each of which signs the one before it.

Source: "Signature calculations for the Authorization header: transferring payload in multiple chunks" and "...
including trailing headers" of the S3 API reference.
"""

from __future__ import annotations

import hashlib
import hmac

_EMPTY = hashlib.sha256(b"").hexdigest()


class ChunkChain:
    """Verifies the chunks of one body in order; `seed` is the request's own signature."""

    def __init__(self, key: bytes, time: str, scope: str, seed: str) -> None:
        self._key, self._time, self._scope, self._previous = key, time, scope, seed

    def chunk(self, data: bytes, signature: str) -> bool:
        """Whether the next chunk has this signature."""
        return self._next("PAYLOAD", f"{_EMPTY}\n{hashlib.sha256(data).hexdigest()}", signature)

    def trailer(self, text: bytes, signature: str) -> bool:
        """Whether the trailing headers, one `name:value` a line, have this signature."""
        return self._next("TRAILER", hashlib.sha256(text).hexdigest(), signature)

    def _next(self, kind: str, digests: str, signature: str) -> bool:
        text = f"AWS4-HMAC-SHA256-{kind}\n{self._time}\n{self._scope}\n{self._previous}\n{digests}"
        self._previous = hmac.digest(self._key, text.encode(), "sha256").hex()
        return hmac.compare_digest(self._previous.encode(), signature.encode())
