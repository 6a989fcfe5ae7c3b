"""Transform jobs in Redis: neo:transform:jobs (all records), neo:transform:active (ids of jobs that have not ended)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from neo_workers.jobs import Scope
from neo_workers.settings import Settings
from neo_workers.store.record_hash import Leases, RecordHash, now_ms
from neo_workers.store.store import Store
from neo_workers.store.text_stream import TextStream
from neo_workers.transform.jobs import TERMINAL, TransformId, TransformJob, TransformStatus

JOBS, VERSION, ACTIVE = "neo:transform:jobs", "neo:transform:version", "neo:transform:active"
LEASE, EVENTS = "neo:transform:lease:", "neo:transform:events"

Change = Callable[[TransformJob], TransformJob]
"""Maps a record to the new one; the same one for no change. May be called several times."""


class JobNotFound(Exception):  # noqa: N818 - named like store.JobNotFound
    """There is no such transform job."""


class TransformStore:
    """Transform jobs of all accounts and regions. Safe to share between threads and to use from many processes.

    redis.exceptions.RedisError passes through when Redis is away.
    """

    def __init__(self, store: Store) -> None:
        self.settings: Settings = store.settings
        self._redis = store.connection
        self._records = RecordHash(store, JOBS, VERSION)
        self.leases = Leases(store, LEASE)
        self.events = TextStream(store.connection, EVENTS)

    def add(self, job: TransformJob) -> bool:
        """Adds a new job; whether its name was free."""
        self._redis.sadd(ACTIVE, str(job.id))  # first: an id without a record does no harm
        added = self._records.put(str(job.id), "", job.to_json())
        if added:
            self.events.add(job.to_json())
        return added

    def get(self, job_id: TransformId) -> TransformJob | None:
        """The job, None if there is none."""
        text = self._records.get(str(job_id))
        return TransformJob.from_json(text) if text else None

    def all(self, scope: Scope) -> list[TransformJob]:
        """Every job of one account and region."""
        rows = self._records.all()
        return [TransformJob.from_json(text) for name, text in rows.items() if name.startswith(f"{scope}:")]

    def active(self) -> list[TransformJob]:
        """Every job that has not ended, the oldest first."""
        ids = cast("set[str]", self._redis.smembers(ACTIVE))
        found = [job for name in ids if (job := self.get(TransformId.parse(name))) is not None]
        for job in found:
            if job.status in TERMINAL:  # its worker died between the two writes
                self._redis.srem(ACTIVE, str(job.id))
        return sorted((job for job in found if job.status not in TERMINAL), key=lambda job: job.created_ms)

    def version(self) -> str:
        """A text that differs after every change of any record."""
        return self._records.version()

    def update(self, job_id: TransformId, change: Change) -> TransformJob:
        """The record after `change`, written. A change of status becomes an event. Raises JobNotFound."""
        while True:
            before = self._records.get(str(job_id))
            if not before:
                raise JobNotFound(str(job_id))
            found = TransformJob.from_json(before)
            after = change(found)
            if after == found:
                return found
            if self._records.put(str(job_id), before, after.to_json()):
                if after.status is not found.status:
                    self.events.add(after.to_json())
                if after.status in TERMINAL:
                    self._redis.srem(ACTIVE, str(job_id))
                return after

    def stop(self, job_id: TransformId) -> TransformStatus:
        """Changes an InProgress job to Stopping. Returns the status before the call. Raises JobNotFound."""
        before = TransformStatus.IN_PROGRESS

        def change(found: TransformJob) -> TransformJob:
            nonlocal before
            before = found.status
            return found.moved(TransformStatus.STOPPING, now_ms()) if before is TransformStatus.IN_PROGRESS else found

        self.update(job_id, change)
        return before

    def claim(self, job_id: TransformId) -> TransformJob:
        """The job with a new fence, as its lease's holder begins to run it. Raises JobNotFound."""

        def change(found: TransformJob) -> TransformJob:
            if found.status is not TransformStatus.IN_PROGRESS:
                return found
            started = found.started_ms or now_ms()
            return replace(found, fence=found.fence + 1, attempts=found.attempts + 1, started_ms=started)

        return self.update(job_id, change)

    def release(self, claimed: TransformJob) -> None:
        """Lets another worker run the job, without counting the attempt. Raises JobNotFound."""

        def change(found: TransformJob) -> TransformJob:
            return replace(found, attempts=found.attempts - 1) if found.fence == claimed.fence else found

        self.update(claimed.id, change)

    def finish(self, claimed: TransformJob, status: TransformStatus, reason: str = "") -> TransformStatus:
        """Ends the job: Stopped if it is Stopping, else with `status`. Does nothing if another has claimed it since.

        Returns the status that the job has then. Raises JobNotFound.
        """

        def change(found: TransformJob) -> TransformJob:
            if found.fence != claimed.fence or found.status in TERMINAL:
                return found
            if found.status is TransformStatus.STOPPING:
                return found.moved(TransformStatus.STOPPED, now_ms())
            return found.moved(status, now_ms(), reason)

        return self.update(claimed.id, change).status
