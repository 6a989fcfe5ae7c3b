"""A request's body, read from the connection as the application asks for it."""

from __future__ import annotations

import sys
from io import BufferedIOBase
from typing import Any

from neo_emulator.http.errors import ClientGone, RequestError
from neo_emulator.http.receiver import BODY_READ_BYTES, Receiver, Request

DRAIN_BYTES = 1 << 30
"""How much of an unread body is read and discarded to keep its connection open."""


class Body(BufferedIOBase):
    """wsgi.input, streamed: only what one read from the network returned is in memory.

    Reading raises RequestError for a body that ends too early, is too large, malformed or does not come in time, and
    ClientGone when the connection fails: what came so far must not pass for the whole.
    """

    def __init__(self, request: Request, receiver: Receiver, length: int | None, wants_continue: bool) -> None:
        """`length` is the Content-Length in bytes, None for a chunked body."""
        self._request, self._receiver = request, receiver
        self._length = length
        self._at = 0  # in the first piece
        self.wants_continue = wants_continue  # the client waits for "100 Continue" before it sends
        self.failure: RequestError | ClientGone | None = None

    def readable(self) -> bool:
        """True, as io.IOBase requires for a readable stream."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """`size` bytes, fewer at the end; all of them for None and -1."""
        wanted = sys.maxsize if size is None or size < 0 else size
        pieces = []
        while wanted and (piece := self._piece(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """What has arrived already, else the next data to arrive; b"" at the end."""
        return self._piece(sys.maxsize if size < 0 else size)

    def readinto(self, buffer: Any, /) -> int:
        """Fills `buffer`; fewer bytes only at the end. Returns their number. Raises the same errors as `read`."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _piece(self, most: int) -> bytes:
        pieces = self._request.pieces
        while not pieces and not self._request.complete:
            self._receive()
        if not pieces:
            return b""
        piece, begin = pieces[0], self._at
        if not begin and len(piece) <= most:
            return pieces.popleft()
        self._at = begin + most
        if self._at >= len(piece):
            self._at = 0
            pieces.popleft()
        return piece[begin : begin + most]

    def _receive(self) -> None:
        try:
            self._check(self._length or 0)
            if self.wants_continue:
                self.wants_continue = False
                self._receiver.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            if not self._receiver.receive(BODY_READ_BYTES):
                text = "You did not provide the number of bytes specified by the Content-Length HTTP header."
                raise RequestError(400, text, "IncompleteBody")
            self._check(self._request.body_bytes)
        except (RequestError, ClientGone) as error:
            self.failure = error
            raise
        except OSError as error:
            self.failure = ClientGone(str(error))
            raise self.failure from error

    def _check(self, size: int) -> None:
        most = self._receiver.limits.body_bytes
        if size > most:
            raise RequestError(413, f"The request body is larger than {most} bytes.")

    @property
    def can_be_drained(self) -> bool:
        """Whether the connection can be kept open if the application leaves the rest unread."""
        waits = self.wants_continue and not self._request.complete  # and may not send the body at all
        return not (waits or self.failure) and (self._length or 0) - self._request.body_bytes <= DRAIN_BYTES

    def drain(self) -> bool:
        """Reads and discards the rest. Returns False if it is too large or does not arrive."""
        left = DRAIN_BYTES
        try:
            while left > 0 and self.can_be_drained:
                piece = self._piece(sys.maxsize)
                if not piece:
                    return True
                left -= len(piece)
        except (ClientGone, RequestError):
            pass
        return False
