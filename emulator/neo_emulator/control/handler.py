"""The emulator's own endpoints: health, readiness, metrics, reset, and the test controls pace and faults."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from wsgiref.types import StartResponse, WSGIEnvironment

from redis.exceptions import RedisError

from neo_emulator.aws.moto import RESET_PATH, Moto
from neo_emulator.control import prometheus
from neo_emulator.control.init_hooks import InitHooks
from neo_emulator.protocol.request_context import read_body
from neo_emulator.protocol.response import Response
from neo_emulator.version import VERSION
from neo_workers.jobs import JsonObject
from neo_workers.store import worker_registry
from neo_workers.store.store import Store
from neo_workers.store.test_controls import Controls, Fault

PREFIX = "/_neo/"
MOST_SECONDS = 28 * 86_400


Answer = Callable[[WSGIEnvironment], Response]


def is_control(environ: WSGIEnvironment) -> bool:
    """Whether a request is for the emulator's own addresses or moto's, below /_neo and /moto-api."""
    path = str(environ.get("PATH_INFO", ""))
    return path.startswith((PREFIX, "/moto-api")) or path == PREFIX.rstrip("/")


class Control:
    """A handler for /_neo/ and for moto's reset, which it extends; it declines (None) all other requests."""

    def __init__(self, store: Store, moto: Moto) -> None:
        self._store = store
        self._controls = Controls(store)
        self._moto = moto
        self._started = time.monotonic()
        self.trouble: Callable[[], str] = lambda: ""  # why the supervised worker does not stay up, or ""
        self.init_hooks = InitHooks()
        self._routes: dict[str, dict[str, Answer]] = {
            "health": {"GET": lambda _: self.health()},
            "ready": {"GET": lambda _: self.ready()},
            "info": {"GET": lambda _: self.info()},
            "metrics": {"GET": lambda _: self.metrics()},
            "reset": {"POST": lambda _: self.reset()},
            "pace": {"GET": lambda _: self.pace(), "POST": self.set_pace},
            "faults": {"GET": lambda _: self.faults(), "POST": self.add_fault, "DELETE": lambda _: self.clear_faults()},
        }

    def add_page(self, name: str, answer: Callable[[], Response]) -> None:
        """Adds /_neo/`name`, read by GET."""
        self._routes[name] = {"GET": lambda _: answer()}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The response of the endpoint, or None."""
        path, method = str(environ.get("PATH_INFO", "")), environ["REQUEST_METHOD"]
        if path == RESET_PATH and method == "POST":
            self._store.clear()
            return self._moto(environ, start_response)
        if not path.startswith(PREFIX):
            return None
        return self._answer(path.removeprefix(PREFIX), method, environ).send(start_response)

    def _answer(self, name: str, method: str, environ: WSGIEnvironment) -> Response:
        if name not in self._routes:
            return _json(404, {"error": f"no such page; available: {', '.join(sorted(self._routes))}"})
        verbs = self._routes[name]
        answer = verbs.get("GET" if method == "HEAD" else method)
        if answer is None:
            allowed = ", ".join(verbs)
            return _json(405, {"error": f"use {allowed}"}, {"Allow": allowed})
        try:
            return answer(environ)
        except RedisError as err:
            return _json(503, {"error": f"the job store does not respond: {err}"})

    def health(self) -> Response:
        """200 while this process responds: its version and uptime in seconds."""
        return _json(200, {"version": VERSION, "uptime_seconds": round(time.monotonic() - self._started, 3)})

    def ready(self) -> Response:
        """200 if a job created now would be compiled, else 503; in both cases the state of each component."""
        alive: list[worker_registry.Worker] = []
        components = {"store": "ok", "workers": "none alive", "s3": "unknown: no worker checks it"}
        try:
            self._store.ping()
            if alive := worker_registry.workers(self._store):
                components["workers"] = "ok"
                components["s3"] = min((worker.s3 for worker in alive), key=lambda answer: answer != "ok")
        except RedisError as err:
            components |= {"store": str(err) or type(err).__name__, "workers": "unknown"}
        if components["workers"] != "ok" and (trouble := self.trouble()):
            components["workers"] += f": {trouble}"
        ready = set(components.values()) == {"ok"}
        able = sorted({name for worker in alive for name in worker.frameworks})
        answer = {"ready": ready, "components": components, "workers": len(alive), "frameworks": able}
        return _json(200 if ready else 503, answer)

    def metrics(self) -> Response:
        """Metrics in Prometheus' text format."""
        return Response(200, prometheus.text(self._store).encode(), {"Content-Type": prometheus.CONTENT_TYPE})

    def info(self) -> Response:
        """200 with the version, and the results of the initial buckets and scripts."""
        return _json(200, {"version": VERSION, "seeding": self.init_hooks.describe()})

    def reset(self) -> Response:
        """Deletes all jobs and all of moto's state; 200."""
        self._store.clear()
        self._moto.reset()
        return _json(200, {"status": "ok"})

    def pace(self) -> Response:
        """The minimum seconds that jobs stay in STARTING and INPROGRESS."""
        return _json(200, asdict(self._controls.pace()))

    def set_pace(self, environ: WSGIEnvironment) -> Response:
        """Sets `min_starting_seconds`, `min_run_seconds` or both from the body. Returns the new pace."""
        try:
            given = _members(environ, {"min_starting_seconds", "min_run_seconds"})
            for name, value in given.items():
                if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_SECONDS:
                    raise ValueError(f"{name} must be a number of seconds from 0 to {MOST_SECONDS}")
        except ValueError as err:
            return _json(400, {"error": str(err)})
        return _json(200, asdict(self._controls.set_pace(**given)))

    def faults(self) -> Response:
        """The remaining planned faults."""
        return _json(200, {"faults": [asdict(fault) for fault in self._controls.faults()]})

    def add_fault(self, environ: WSGIEnvironment) -> Response:
        """Adds a fault: the next `count` jobs whose name matches `name` FAIL with `reason`. Returns all faults."""
        try:
            given = _members(environ, {"reason", "name", "count"})
            for name, value in given.items():
                if type(value) is not (int if name == "count" else str):
                    raise ValueError(f"{name} must be {'a number' if name == 'count' else 'text'}")
            self._controls.add_fault(Fault(**given))
        except ValueError as err:
            return _json(400, {"error": str(err)})
        return self.faults()

    def clear_faults(self) -> Response:
        """Removes all planned faults."""
        self._controls.clear_faults()
        return self.faults()


def _members(environ: WSGIEnvironment, known: set[str]) -> JsonObject:
    """The body's JSON object. Raises ValueError for anything else, and for members not in `known`."""
    try:
        given = json.loads(read_body(environ) or b"{}")
    except RecursionError as err:
        raise ValueError("the body is not a JSON object") from err
    if not isinstance(given, dict):
        raise ValueError("the body is not a JSON object")
    if unknown := sorted(set(given) - known):
        raise ValueError(f"unknown members: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    return given


def _json(status: int, members: JsonObject, headers: dict[str, str] | None = None) -> Response:
    return Response(status, json.dumps(members).encode(), {"Content-Type": "application/json", **(headers or {})})
