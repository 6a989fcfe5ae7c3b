"""Delivers what happens to jobs and endpoints to moto's services, in the background.

A service is not loaded before its first use: until then log lines stay in Redis, and there are no rules for events.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from redis.exceptions import RedisError

from neo_emulator.aws.moto_services import MotoServices

PAUSE_SECONDS = 0.1

log = logging.getLogger(__name__)


class Delivery(ABC):
    """Delivers events and log lines every PAUSE_SECONDS, from `start` to `stop`; log lines also on `catch_up`."""

    name = "notifications"
    """Name of the thread."""

    def __init__(self, services: MotoServices) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def start(self) -> None:
        """Delivers from a daemon thread until `stop`."""
        threading.Thread(target=self._run, daemon=True, name=self.name).start()

    def stop(self) -> None:
        """Tells the thread to end."""
        self._stop.set()

    def catch_up(self, service: str) -> None:
        """Delivers pending log lines, if `service` (a signing name) is CloudWatch Logs."""
        if service == "logs":
            try:
                self.deliver_logs()
            except RedisError as error:
                log.warning("cannot deliver log lines now: %s", error)

    @abstractmethod
    def deliver_events(self) -> None:
        """Delivers one event per status change since the last call, if EventBridge is in use."""

    @abstractmethod
    def deliver_logs(self) -> None:
        """Delivers all pending log lines."""

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                self.deliver_events()
                if self._services.in_use("logs"):
                    self.deliver_logs()
            except RedisError as error:
                log.debug("cannot deliver notifications, the store is unavailable: %s", error)
            except Exception:
                log.exception("notifications")


@contextmanager
def logged(about: object) -> Iterator[None]:
    """Logs moto's exceptions: one entry that fails must not block the others. `about` is the job or endpoint."""
    try:
        yield
    except RedisError:
        raise
    except Exception:
        log.exception("moto refused a notification", extra={"job": str(about)})


def milliseconds(value: object) -> int:
    """A time within an event's JSON, since 1970; for json.dumps' `default`. Raises TypeError."""
    if not isinstance(value, datetime):
        raise TypeError(f"cannot serialize {value!r}")
    return round(value.timestamp() * 1000)
