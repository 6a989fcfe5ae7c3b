"""Metrics for Prometheus: the number of jobs now, and how long each phase of finished jobs took.

Workers count in one Redis hash, whose fields are (kind, phase or outcome, bucket) joined by "|".
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import cast

from redis.exceptions import RedisError

from neo_workers.jobs import JobStatus
from neo_workers.store.store import Store

METRICS, SCOPES, LEASE = "neo:metrics", "neo:scopes", "neo:lease"
BUCKET_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)
"""Upper bounds of the histogram's buckets."""

log = logging.getLogger(__name__)


class Phases:
    """Measures how long one job is in each phase; `enter` starts the next."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._current, self._since = "start", time.monotonic()

    def enter(self, name: str) -> None:
        """Starts the phase `name` and ends the previous one."""
        now = time.monotonic()
        self.seconds[self._current] = self.seconds.get(self._current, 0.0) + now - self._since
        self._current, self._since = name, now

    def end(self, store: Store, status: JobStatus | None) -> None:
        """Adds the job's phases, status and cache result to the metrics. They are lost if Redis is unavailable."""
        self.enter("")
        with store.connection.pipeline(transaction=False) as batch:
            for phase, seconds in self.seconds.items():
                bucket = next((str(most) for most in BUCKET_SECONDS if seconds <= most), "+Inf")
                batch.hincrby(METRICS, f"bucket|{phase}|{bucket}", 1)
                batch.hincrbyfloat(METRICS, f"sum|{phase}", seconds)
            batch.hincrby(METRICS, f"attempts|{status or 'given back'}", 1)
            if status is JobStatus.COMPLETED:
                batch.hincrby(METRICS, "cache|miss" if "compile" in self.seconds else "cache|hit", 1)
            try:
                batch.execute()
            except RedisError as error:
                log.debug("not counted: %s", error)


@dataclass(frozen=True)
class Histogram:
    """Cumulative counts up to each of BUCKET_SECONDS and in total; and the sum in seconds."""

    cumulated: list[int]
    total_seconds: float


@dataclass(frozen=True)
class Snapshot:
    """The metrics of all accounts and regions at one point in time."""

    jobs: dict[JobStatus, int]
    running: int  # jobs that a worker holds
    oldest_starting_seconds: float  # age of the oldest job that no worker has started, 0 if there is none
    phases: dict[str, Histogram]
    attempts: dict[str, int]  # by outcome
    cache: dict[str, int] = field(default_factory=dict)  # "hit", "miss"


def snapshot(store: Store) -> Snapshot:
    """The current metrics. Raises RedisError."""
    scopes = sorted(cast("set[str]", store.connection.smembers(SCOPES)))
    with store.connection.pipeline(transaction=False) as batch:
        batch.time()
        batch.hgetall(METRICS)
        batch.zcard(LEASE)
        for scope in scopes:
            batch.zrange(f"neo:{scope}:status:STARTING", 0, 0, withscores=True)
            for status in JobStatus:
                batch.zcard(f"neo:{scope}:status:{status}")
        (seconds, micros), counted, running, *rows = batch.execute()
    step = 1 + len(JobStatus)
    oldest = [row[0][1] / 1000 for row in rows[::step] if row]
    jobs = {status: sum(rows[n + 1 :: step]) for n, status in enumerate(JobStatus)}
    age = max([0.0, *(seconds + micros / 1e6 - created for created in oldest)])
    attempts, cache = _counters(counted, "attempts"), {"hit": 0, "miss": 0} | _counters(counted, "cache")
    return Snapshot(jobs, running, age, _histograms(counted), attempts, cache)


def _counters(counted: dict[str, str], kind: str) -> dict[str, int]:
    return {name.split("|")[1]: int(value) for name, value in sorted(counted.items()) if name.startswith(f"{kind}|")}


def _histograms(counted: dict[str, str]) -> dict[str, Histogram]:
    found = {}
    for name, total in sorted(counted.items()):
        kind, _, phase = name.partition("|")
        if kind == "sum":
            cumulated = [0]
            for most in (*map(str, BUCKET_SECONDS), "+Inf"):
                cumulated.append(cumulated[-1] + int(counted.get(f"bucket|{phase}|{most}", 0)))
            found[phase] = Histogram(cumulated[1:], float(total))
    return found
