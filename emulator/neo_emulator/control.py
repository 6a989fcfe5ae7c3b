"""The emulator's own addresses: health, readiness, reset."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from redis.exceptions import RedisError

from neo_emulator import __version__
from neo_emulator.wire import Response
from neo_workers.jobs import JsonObject
from neo_workers.store import Store

PREFIX = "/_neo/"
MOTO_RESET = "/moto-api/reset"


class Control:
    """A WSGI application that declines (None) what is not under /_neo/."""

    def __init__(self, store: Store, reset_moto: Callable[[], None]) -> None:
        self._store = store
        self._reset_moto = reset_moto
        self._started = time.monotonic()
        self._routes: dict[str, tuple[str, Callable[[], Response]]] = {
            "health": ("GET", self.health),
            "ready": ("GET", self.ready),
            "reset": ("POST", self.reset),
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        path, method = str(environ.get("PATH_INFO", "")), environ["REQUEST_METHOD"]
        if path == MOTO_RESET and method == "POST":
            self._store.clear()
            return None  # moto does the rest
        if not path.startswith(PREFIX):
            return None
        name = path.removeprefix(PREFIX)
        if name not in self._routes:
            return _json(404, {"error": f"no such page; there are {', '.join(sorted(self._routes))}"}).send(
                start_response
            )
        verb, answer = self._routes[name]
        if method != verb and not (method == "HEAD" and verb == "GET"):
            return _json(405, {"error": f"use {verb}"}, {"Allow": verb}).send(start_response)
        return answer().send(start_response)

    def health(self) -> Response:
        """200 while this process answers: its version and age in seconds."""
        return _json(200, {"version": __version__, "uptime_seconds": round(time.monotonic() - self._started, 3)})

    def ready(self) -> Response:
        """200 when a job sent now would be compiled, else 503; either way what is known of each component."""
        components: dict[str, str] = {"store": "ok", "workers": "none alive"}
        try:
            self._store.ping()
            if workers := self._store.workers():
                components["workers"] = "ok"
        except RedisError as err:
            workers = []
            components = {"store": str(err) or type(err).__name__, "workers": "unknown"}
        ready = set(components.values()) == {"ok"}
        return _json(200 if ready else 503, {"ready": ready, "components": components, "workers": len(workers)})

    def reset(self) -> Response:
        """200 after every job and everything in moto is gone."""
        self._store.clear()
        self._reset_moto()
        return _json(200, {"status": "ok"})


def _json(status: int, members: JsonObject, headers: dict[str, str] | None = None) -> Response:
    return Response(status, json.dumps(members).encode(), {"Content-Type": "application/json", **(headers or {})})
