"""Redis streams about endpoints, which the API forwards: status changes to EventBridge, log lines to CloudWatch.

Both drop their oldest entries.
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
    """Adds an event with the endpoint's new status. It is lost if Redis is unavailable; the change itself is not."""
    try:
        connection.xadd(EVENTS, {"endpoint": endpoint.to_json()}, maxlen=MAX_ENTRIES, approximate=True)
    except RedisError as error:
        log.warning("an event is lost: %s", error, extra={"endpoint": str(endpoint.id)})


def add_line(connection: Any, endpoint_id: EndpointId, stream: str, text: str) -> None:
    """Adds a line to the endpoint's log. It is lost if Redis is unavailable."""
    row = [str(endpoint_id), stream, time.time_ns() // 1_000_000, text[:MAX_LINE_CHARS]]
    try:
        connection.xadd(LOGS, {"line": json.dumps(row)}, maxlen=MAX_ENTRIES, approximate=True)
    except RedisError as error:
        log.warning("a log line is lost: %s", error, extra={"endpoint": str(endpoint_id)})


@dataclass
class StreamReader:
    """A position in both streams; reading advances it."""

    connect: Callable[[], Any]  # returns the Redis client
    events_after: str = ""  # "" until `begin`
    logs_after: str = BEGINNING

    def begin(self) -> None:
        """Sets the position: only status changes from now on are read, and all log lines that the stream still has."""
        last = cast("list[Any]", self.connect().xrevrange(EVENTS, count=1))
        self.events_after = last[0][0] if last else BEGINNING

    def read_events(self) -> list[Endpoint]:
        """Endpoints at each change of status that was not read before, oldest first."""
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
