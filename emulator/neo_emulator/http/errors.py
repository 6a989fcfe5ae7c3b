"""What can be wrong with a request or its connection, whatever it asks for."""

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
    """What came cannot be answered as a request of HTTP; the connection ends after the refusal."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = _CODES[status]  # as AWS names its errors


class ClientGone(ConnectionError):  # noqa: N818 - it is what happened, not a fault of the program
    """The client closed the connection, or the network did: nobody is there to be answered."""
