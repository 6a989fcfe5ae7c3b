"""Errors of HTTP itself: malformed requests and lost connections."""

from __future__ import annotations

_CODES = {
    400: "BadRequestException",
    408: "RequestTimeoutException",
    413: "RequestEntityTooLargeException",
    414: "RequestUriTooLongException",
    417: "ExpectationFailedException",
    431: "RequestHeaderFieldsTooLargeException",
    500: "InternalFailure",
    501: "NotImplementedException",
    503: "ServiceUnavailable",
    505: "HttpVersionNotSupportedException",
}


class RequestError(Exception):
    """A request that is not valid HTTP or exceeds a limit. The connection is closed after the error response."""

    def __init__(self, status: int, text: str, code: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.code = code or _CODES[status]  # as AWS names its errors


class ClientGone(ConnectionError):  # noqa: N818 - an event, not a fault of the program
    """The client closed the connection, or the network failed: a response cannot be delivered."""
