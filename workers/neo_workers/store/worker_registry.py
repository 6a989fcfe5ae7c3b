"""The workers that are alive, and whether S3 answers them, as they say themselves."""

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
"""How often a worker says that it is alive; it counts as gone after three times that."""
S3_SECONDS = 5.0
"""How often S3 is asked whether it answers, while it does."""

SEEN_SECONDS = 60.0
"""How long jobs still wait for a worker with their framework after the last one was alive: it may be starting again."""

_KEY, _SEEN_KEY = "neo:worker:", "neo:seen:"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Worker:
    """One worker process."""

    name: str  # host:pid
    slots: int  # jobs that it compiles at the same time
    s3: str  # "ok", or why S3 does not answer it
    frameworks: tuple[str, ...] = ()  # whose models it can compile


def own_name() -> str:
    """This worker process among all: host:pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def report(store: Store, worker: Worker, ttl_seconds: float = 3 * ALIVE_SECONDS) -> None:
    """Says that a worker is alive for the next `ttl_seconds`."""
    with store.connection.pipeline(transaction=False) as batch:
        batch.set(_KEY + worker.name, json.dumps(asdict(worker)), px=int(ttl_seconds * 1000))
        for framework in worker.frameworks:
            batch.set(_SEEN_KEY + framework, worker.name, px=int(SEEN_SECONDS * 1000))
        batch.execute()


def seen_with(store: Store, framework: str) -> bool:
    """Whether a worker that has `framework` was alive within the last SEEN_SECONDS."""
    return bool(store.connection.exists(_SEEN_KEY + framework))


def retire(store: Store, name: str) -> None:
    """Says that a worker is going."""
    store.connection.delete(_KEY + name)


def workers(store: Store) -> list[Worker]:
    """The workers alive now, by name."""
    found = []
    for key in sorted(store.connection.scan_iter(f"{_KEY}*", count=1000)):
        if text := store.connection.get(key):
            row = json.loads(str(text))
            found.append(Worker(**{**row, "frameworks": tuple(row["frameworks"])}))
    return found


def report_forever(store: Store, stop: threading.Event, frameworks: tuple[str, ...] = ()) -> None:
    """Until `stop`: says that this worker is alive, what it has, and how it fares with S3."""
    name, settings, s3, ask_at = own_name(), store.settings, "not asked yet", 0.0
    while not stop.is_set():
        if time.monotonic() >= ask_at:
            s3 = ask_s3(settings)
            ask_at = time.monotonic() + (S3_SECONDS if s3 == "ok" else 0.0)
        try:
            report(store, Worker(name, settings.slots, s3, frameworks))
        except RedisError as error:
            log.debug("the store is away: %s", error)
        stop.wait(ALIVE_SECONDS)
    with contextlib.suppress(RedisError):
        retire(store, name)


def ask_s3(settings: Settings, timeout_seconds: float = 2.0) -> str:
    """ "ok" when S3 answers anything but a server error, even a refusal; else what went wrong."""
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
