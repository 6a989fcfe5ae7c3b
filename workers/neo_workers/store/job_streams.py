"""What happens to jobs, as Redis streams that the API hands on: status changes to EventBridge, log lines to CloudWatch.

Status changes are written by the scripts that make them, log lines by the job's supervisor, in batches.
Neither can hold up or fail a job; both streams drop their oldest entries.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from redis.exceptions import RedisError

from neo_workers.jobs import JobId, JobStatus
from neo_workers.store.store import Store

EVENTS, LOGS = "neo:events", "neo:logs"
MAX_BATCHES = 5000
MAX_LINE_CHARS = 8192
BEGINNING = "0-0"

Line = tuple[int, str]  # (milliseconds since the epoch, text)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StatusChange:
    """A job took `status` at `at` (whole seconds)."""

    job_id: JobId
    status: JobStatus
    at: datetime


@dataclass(frozen=True)
class Lines:
    """Log lines of one job, in order."""

    job_id: JobId
    lines: list[Line]


class LineWriter:
    """One job's log lines on their way to the feed: `add` keeps them, `flush` sends what was added since."""

    def __init__(self, store: Store, job_id: JobId) -> None:
        self._store, self._job_id = store, job_id
        self._lines: list[Line] = []

    def add(self, text: str) -> None:
        """Takes one line in; no I/O."""
        self._lines.append((time.time_ns() // 1_000_000, text[:MAX_LINE_CHARS]))

    def flush(self) -> None:
        """Sends the batch. Lines are lost, never the job, when Redis is away."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        row: dict[Any, Any] = {"id": str(self._job_id), "lines": json.dumps(lines)}
        try:
            self._store.connection.xadd(LOGS, row, maxlen=MAX_BATCHES, approximate=True)
        except RedisError as error:
            log.warning("%d log lines are lost: %s", len(lines), error, extra={"job": str(self._job_id)})


@dataclass
class Reader:
    """A place in both streams; `read` moves it on."""

    store: Store
    events_after: str = "$"
    logs_after: str = BEGINNING

    def begin(self) -> None:
        """Fixes the place: only status changes from now on are read, and all log lines that are kept."""
        last = cast("list[Any]", self.store.connection.xrevrange(EVENTS, count=1))
        self.events_after = last[0][0] if last else BEGINNING

    def read_events(self) -> list[StatusChange]:
        """Status changes not read before, oldest first."""
        rows = self._read(EVENTS, self.events_after)
        if rows:
            self.events_after = rows[-1][0]
        return [
            StatusChange(
                JobId.parse(row["id"]), JobStatus(row["status"]), datetime.fromtimestamp(int(row["at"]) / 1e3, UTC)
            )
            for _, row in rows
        ]

    def read_logs(self) -> list[Lines]:
        """Batches of log lines not read before, oldest first."""
        rows = self._read(LOGS, self.logs_after)
        if rows:
            self.logs_after = rows[-1][0]
        return [
            Lines(JobId.parse(row["id"]), [(int(ms), text) for ms, text in json.loads(row["lines"])]) for _, row in rows
        ]

    def _read(self, stream: str, after: str) -> list[tuple[str, dict[str, str]]]:
        return cast(
            "list[tuple[str, dict[str, str]]]", self.store.connection.xrange(stream, min=f"({after}", count=200)
        )


def lines_of(store: Store, job_id: JobId, since_ms: int) -> list[Line]:
    """The log of one job as far as the feed still has it; `since_ms` is when the job was created."""
    found: list[Line] = []
    after, wanted = str(max(0, since_ms - 1000)), str(job_id)
    while rows := cast("list[Any]", store.connection.xrange(LOGS, min=after, count=1000)):
        for _, row in rows:
            if row["id"] == wanted:
                found += [(int(ms), text) for ms, text in json.loads(row["lines"])]
        after = f"({rows[-1][0]}"
    return [line for line in found if line[0] >= since_ms]
