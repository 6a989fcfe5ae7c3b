"""Job events as Redis streams, which the API forwards: status changes to EventBridge, log lines to CloudWatch Logs.

The scripts that change a status write status changes; the job's supervisor writes log lines in batches.
Neither can delay or fail a job; both streams drop their oldest entries.
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
    """A job changed to `status` at `at` (whole seconds)."""

    job_id: JobId
    status: JobStatus
    at: datetime


@dataclass(frozen=True)
class Lines:
    """Log lines of one job, in order."""

    job_id: JobId
    lines: list[Line]


class LineWriter:
    """Buffers one job's log lines: `add` appends to the batch, `flush` sends it."""

    def __init__(self, store: Store, job_id: JobId) -> None:
        self._store, self._job_id = store, job_id
        self._lines: list[Line] = []

    def add(self, text: str) -> None:
        """Adds a line to the batch; no I/O."""
        self._lines.append((time.time_ns() // 1_000_000, text[:MAX_LINE_CHARS]))

    def flush(self) -> None:
        """Sends the batch. If Redis is unavailable the lines are lost, and the job continues."""
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
    """A position in both streams, which each read advances."""

    store: Store
    events_after: str = "$"
    logs_after: str = BEGINNING

    def begin(self) -> None:
        """Sets the position: reads will return status changes from now on, and all stored log lines."""
        last = cast("list[Any]", self.store.connection.xrevrange(EVENTS, count=1))
        self.events_after = last[0][0] if last else BEGINNING

    def read_events(self) -> list[StatusChange]:
        """New status changes, oldest first."""
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
        """New batches of log lines, oldest first."""
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
    """The stored log lines of one job. `since_ms` is the job's creation time (milliseconds since the epoch)."""
    found: list[Line] = []
    after, wanted = str(max(0, since_ms - 1000)), str(job_id)
    while rows := cast("list[Any]", store.connection.xrange(LOGS, min=after, count=1000)):
        for _, row in rows:
            if row["id"] == wanted:
                found += [(int(ms), text) for ms, text in json.loads(row["lines"])]
        after = f"({rows[-1][0]}"
    return [line for line in found if line[0] >= since_ms]
