"""What happens to endpoints, as Redis streams that the API hands on: status changes to EventBridge, log lines to
CloudWatch. Both drop their oldest entries.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from redis.exceptions import RedisError

from neo_workers.hosting.endpoints import Endpoint, EndpointId

EVENTS, LOGS = "neo:hosting:events", "neo:hosting:logs"
MAX_ENTRIES = 5000
MAX_LINE_CHARS = 8192
BEGINNING = "0-0"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Line:
    """One line of an endpoint's log."""

    endpoint_id: EndpointId
    stream: str  # "<variant>/i-..."
    at_ms: int
    text: str


def add_event(connection: Any, endpoint: Endpoint) -> None:
    """Notes that the endpoint has taken its status. The event is lost, never the change, when Redis is away."""
    try:
        connection.xadd(EVENTS, {"endpoint": endpoint.to_json()}, maxlen=MAX_ENTRIES, approximate=True)
    except RedisError as error:
        log.warning("an event is lost: %s", error, extra={"endpoint": str(endpoint.id)})


def add_line(connection: Any, endpoint_id: EndpointId, stream: str, text: str) -> None:
    """Adds a line to the endpoint's log. It is lost when Redis is away."""
    row = [str(endpoint_id), stream, time.time_ns() // 1_000_000, text[:MAX_LINE_CHARS]]
    try:
        connection.xadd(LOGS, {"line": json.dumps(row)}, maxlen=MAX_ENTRIES, approximate=True)
    except RedisError as error:
        log.warning("a log line is lost: %s", error, extra={"endpoint": str(endpoint_id)})


@dataclass
class StreamReader:
    """A place in both streams; reading moves it on."""

    connect: Callable[[], Any]  # gives the Redis client
    events_after: str = ""  # "" until `begin`
    logs_after: str = BEGINNING

    def begin(self) -> None:
        """Fixes the place: only status changes from now on are read, and all log lines that are kept."""
        last = cast("list[Any]", self.connect().xrevrange(EVENTS, count=1))
        self.events_after = last[0][0] if last else BEGINNING

    def read_events(self) -> list[Endpoint]:
        """Endpoints as they took a status, not read before, oldest first."""
        rows = self.connect().xrange(EVENTS, min=f"({self.events_after}", count=200)
        if rows:
            self.events_after = rows[-1][0]
        return [Endpoint.from_json(row["endpoint"]) for _, row in rows]

    def read_lines(self) -> list[Line]:
        """Lines not read before, oldest first."""
        rows = self.connect().xrange(LOGS, min=f"({self.logs_after}", count=200)
        if rows:
            self.logs_after = rows[-1][0]
        read = (json.loads(row["line"]) for _, row in rows)
        return [Line(EndpointId.parse(name), stream, int(ms), text) for name, stream, ms, text in read]
