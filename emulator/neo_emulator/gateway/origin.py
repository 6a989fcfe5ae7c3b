"""Refuses requests for names that the emulator does not answer to, and what pages of other sites would change.

Source: the Fetch standard ("Origin"), "Fetch Metadata Request Headers" of the W3C, and RFC 9110, 7.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws.moto_errors import error_response
from neo_emulator.control.handler import is_control
from neo_emulator.gateway.cors import Cors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.hosts import VIRTUAL_BUCKET, Hosts

_SAFE = ("GET", "HEAD", "OPTIONS")
_OTHER_SITES = ("cross-site", "same-site")


class Origin:
    """A handler that refuses, or notes the bucket that the Host names and declines (None)."""

    def __init__(self, hosts: Hosts, cors: Cors) -> None:
        self._hosts, self._cors = hosts, cors

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """421 for a foreign Host, 403 for a change of another site's page, or None."""
        host = str(environ.get("HTTP_HOST", ""))
        if not self._hosts.admits(host):
            text = f"The emulator does not answer to the host {host!r}; NEO_EMULATOR_HOSTS names more hosts."
            return error_response(environ, ServiceError("MisdirectedRequest", text, 421)).send(start_response)
        environ[VIRTUAL_BUCKET] = self._hosts.bucket(host)
        if is_control(environ) and environ["REQUEST_METHOD"] not in _SAFE and self._of_another_site(environ, host):
            text = "A page of another site may not change the emulator; NEO_EMULATOR_CORS_ORIGINS names those that may."
            return error_response(environ, ServiceError("AccessDenied", text, 403)).send(start_response)
        return None

    def _of_another_site(self, environ: WSGIEnvironment, host: str) -> bool:
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            return environ.get("HTTP_SEC_FETCH_SITE") in _OTHER_SITES
        return urlsplit(str(origin)).netloc.lower() != host.lower() and not self._cors.allows(environ)
