"""The dashboard's handler. The pages are imported on the first request for one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws.moto import Moto
from neo_emulator.control.handler import PREFIX, Control
from neo_emulator.protocol.response import Response
from neo_workers.settings import Settings
from neo_workers.store.store import Store

if TYPE_CHECKING:
    from neo_emulator.control.dashboard.pages import Pages


class Dashboard:
    """A handler for the dashboard's pages; it declines (None) all other requests."""

    def __init__(self, settings: Settings, store: Store, control: Control, moto: Moto) -> None:
        self._parts = (settings, store, control, moto)

    @cached_property
    def _pages(self) -> Pages:
        from neo_emulator.control.dashboard.pages import Pages

        return Pages(*self._parts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The page or JSON for a GET below /_neo/, or None."""
        path = str(environ.get("PATH_INFO", ""))
        if path == PREFIX.rstrip("/"):
            return Response(HTTPStatus.FOUND, b"", {"Location": PREFIX}).send(start_response)
        if not path.startswith(PREFIX) or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return None
        answer = self._pages.answer(path.removeprefix(PREFIX), str(environ.get("QUERY_STRING", "")))
        return None if answer is None else answer.send(start_response)
