"""A complete HTTP response, as every handler returns it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import client as http_client
from wsgiref.types import StartResponse


@dataclass(frozen=True)
class Response:
    """Status, body and headers; Content-Length is added when it is sent."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Starts the response and returns its body, as a WSGI application does."""
        headers = [*self.headers.items(), ("Content-Length", str(len(self.body)))]
        start_response(f"{self.status} {http_client.responses.get(self.status, 'Unknown')}", headers)
        return [self.body]
