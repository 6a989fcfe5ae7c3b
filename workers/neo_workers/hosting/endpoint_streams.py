"""Redis streams that the API forwards: status changes of endpoints to EventBridge, log lines to CloudWatch Logs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neo_workers.hosting.endpoints import Endpoint
from neo_workers.jobs import Scope
from neo_workers.store.text_stream import BEGINNING, TextStream

EVENTS, LOGS = "neo:hosting:events", "neo:hosting:logs"
MAX_LINE_CHARS = 8192


@dataclass(frozen=True)
class Line:
    """One line of a log: an endpoint's or a transform job's."""

    scope: Scope
    group: str
    stream: str  # of an endpoint: "<variant>/i-..."
    at_ms: int
    text: str


def add_event(connection: Any, endpoint: Endpoint) -> None:
    """Adds an event with the endpoint's new status. It is lost if Redis is unavailable; the change itself is not."""
    TextStream(connection, EVENTS).add(endpoint.to_json())


def add_line(connection: Any, scope: Scope, group: str, stream: str, text: str) -> None:
    """Adds a line to a log. It is lost if Redis is unavailable."""
    row = [scope.account, scope.region, group, stream, time.time_ns() // 1_000_000, text[:MAX_LINE_CHARS]]
    TextStream(connection, LOGS).add(json.dumps(row))


@dataclass
class StreamReader:
    """A position in both streams; reading advances it."""

    connect: Callable[[], Any]  # returns the Redis client
    events_after: str = ""  # "" until `begin`
    logs_after: str = BEGINNING

    def begin(self) -> None:
        """Sets the position: status changes from now on, all stored log lines."""
        self.events_after = TextStream(self.connect(), EVENTS).end()

    def read_events(self) -> list[Endpoint]:
        """Endpoints at their new status changes, oldest first."""
        self.events_after, texts = TextStream(self.connect(), EVENTS).read(self.events_after)
        return [Endpoint.from_json(text) for text in texts]

    def read_lines(self) -> list[Line]:
        """New lines, oldest first."""
        self.logs_after, texts = TextStream(self.connect(), LOGS).read(self.logs_after)
        return [
            Line(Scope(account, region), group, stream, at_ms, text)
            for account, region, group, stream, at_ms, text in map(json.loads, texts)
        ]
