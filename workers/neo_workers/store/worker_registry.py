"""Heartbeats of the workers, with their frameworks and whether they can reach S3."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import socket
import threading
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from neo_workers.settings import Settings
from neo_workers.store.store import Store

ALIVE_SECONDS = 1.0
"""Interval of a worker's heartbeats; it counts as dead after three times that."""
S3_SECONDS = 5.0
"""Interval of S3 checks while S3 responds."""

SEEN_SECONDS = 60.0
"""How long jobs still wait for a worker with their framework after the last one was alive: it may be restarting."""

_KEY, _SEEN_KEY = "neo:worker:", "neo:seen:"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Worker:
    """One worker process."""

    name: str  # host:pid
    slots: int  # number of jobs compiled in parallel
    s3: str  # "ok", or why S3 cannot be reached
    frameworks: tuple[str, ...] = ()  # frameworks whose models it can compile


def own_name() -> str:
    """The name of this worker process: host:pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def report(store: Store, worker: Worker, ttl_seconds: float = 3 * ALIVE_SECONDS) -> None:
    """Writes the worker's heartbeat, which expires after `ttl_seconds`."""
    with store.connection.pipeline(transaction=False) as batch:
        batch.set(_KEY + worker.name, json.dumps(asdict(worker)), px=int(ttl_seconds * 1000))
        for framework in worker.frameworks:
            batch.set(_SEEN_KEY + framework, worker.name, px=int(SEEN_SECONDS * 1000))
        batch.execute()


def seen_with(store: Store, framework: str) -> bool:
    """Whether a worker that has `framework` was alive within the last SEEN_SECONDS."""
    return bool(store.connection.exists(_SEEN_KEY + framework))


def retire(store: Store, name: str) -> None:
    """Deletes the worker's heartbeat."""
    store.connection.delete(_KEY + name)


def workers(store: Store) -> list[Worker]:
    """The living workers, sorted by name."""
    found = []
    for key in sorted(store.connection.scan_iter(f"{_KEY}*", count=1000)):
        if text := store.connection.get(key):
            row = json.loads(str(text))
            found.append(Worker(**{**row, "frameworks": tuple(row["frameworks"])}))
    return found


def report_forever(store: Store, stop: threading.Event, frameworks: tuple[str, ...] = ()) -> None:
    """Until `stop`: writes this worker's heartbeats, with its frameworks and whether it can reach S3."""
    name, settings, s3, ask_at = own_name(), store.settings, "not checked yet", 0.0
    while not stop.is_set():
        if time.monotonic() >= ask_at:
            s3 = ask_s3(settings)
            ask_at = time.monotonic() + (S3_SECONDS if s3 == "ok" else 0.0)
        try:
            report(store, Worker(name, settings.slots, s3, frameworks))
        except RedisError as error:
            log.debug("the store is unavailable: %s", error)
        stop.wait(ALIVE_SECONDS)
    with contextlib.suppress(RedisError):
        retire(store, name)


def ask_s3(settings: Settings, timeout_seconds: float = 2.0) -> str:
    """ "ok" if S3 responds with anything but a server error (access denied is fine), else the problem."""
    if settings.s3_endpoint_url is None:
        return "ok"  # AWS's own
    url = urlsplit(settings.s3_endpoint_url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=timeout_seconds)
    try:
        connection.request("HEAD", url.path or "/", headers={"User-Agent": "neo-emulator worker"})
        status = connection.getresponse().status
        return "ok" if status < 500 else f"HTTP {status} from {settings.s3_endpoint_url}"
    except (OSError, http.client.HTTPException) as error:
        return f"{settings.s3_endpoint_url}: {error or type(error).__name__}"
    finally:
        connection.close()
