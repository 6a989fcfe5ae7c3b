"""The job store: Redis hashes, changed only by the Lua scripts in lua/, each of which is atomic.

Raises the errors of errors.py, and redis.exceptions.RedisError if Redis is unavailable.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import resources
from itertools import chain
from typing import Any, cast

import redis

from neo_workers.jobs import (
    MODEL_PACKAGE_INPUT,
    TERMINAL,
    TRANSITIONS,
    Claim,
    Job,
    JobId,
    JobResult,
    JobStatus,
    JsonObject,
    Page,
    Query,
    Scope,
)
from neo_workers.settings import Settings
from neo_workers.store.errors import JobActive, JobExists, JobNotFound, StoreError, TooManyJobs, TooManyTags
from neo_workers.store.redis_client import connect

__all__ = ["JobActive", "JobExists", "JobNotFound", "Store", "StoreError", "TooManyJobs", "TooManyTags"]

SCAN_LIMIT = 1000
"""Maximum number of index entries per script call, so that a query with few matches does not block Redis."""
SEARCH_LIMIT = 5000
"""Maximum number of jobs per script call when an index narrows the query down to them."""

WORKER_LOST = (
    "ServerError: There was an internal server error during the compilation job: "
    "the compiler's worker was lost {attempts} times. Please look at the workers' log."
)

_FIELDS = (
    "request",
    "status",
    "created_ms",
    "modified_ms",
    "started_ms",
    "ended_ms",
    "fence",
    "attempt",
    "progress",
    "failure_reason",
    "artifact_uri",
    "artifact_digest",
    "derived_data_input_config",
)
_SCRIPTS = ("add", "claim", "beat", "finish", "release", "decline", "stop", "delete", "reap", "tag", "page", "pace")


def _lua(name: str) -> str:
    return (resources.files("neo_workers.store") / "lua" / f"{name}.lua").read_text(encoding="utf-8")


def _transitions_in_lua() -> str:
    rows = (
        f"  {status} = {{ {', '.join(f'{following} = true' for following in sorted(after))} }},"
        for status, after in TRANSITIONS.items()
    )
    return "local NEXT = {\n" + "\n".join(rows) + "\n}\n"


def _moment(milliseconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


def _job(job_id: JobId, values: Iterable[str | None]) -> Job:
    row = dict(zip(_FIELDS, values, strict=True))
    if row["request"] is None:
        raise JobNotFound(job_id)
    created, modified = _moment(row["created_ms"]), _moment(row["modified_ms"])
    assert created is not None and modified is not None
    result = None
    if row["artifact_uri"] and row["artifact_digest"]:
        result = JobResult(row["artifact_uri"], row["artifact_digest"], row["derived_data_input_config"])
    return Job(
        id=job_id,
        request=json.loads(row["request"]),
        status=JobStatus(row["status"] or ""),
        created=created,
        modified=modified,
        started=_moment(row["started_ms"]),
        ended=_moment(row["ended_ms"]),
        fence=int(row["fence"] or 0),
        attempt=int(row["attempt"] or 0),
        progress=row["progress"] or "",
        failure_reason=row["failure_reason"],
        result=result,
    )


class Store:
    """Jobs of all accounts and regions. Safe to share between threads and to use from many processes and hosts."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # a worker must notice a hung Redis within its lease
        self._connections = connect(settings.store_url, min(5.0, max(1.0, settings.lease_seconds / 2)))
        self._redis = self._connections.pooled
        prelude = _transitions_in_lua() + _lua("_prelude")
        self._scripts = {name: self._redis.register_script(prelude + _lua(name)) for name in _SCRIPTS}

    @property
    def connection(self) -> redis.Redis:
        """The Redis client, for test_controls.py, job_streams.py and others that store no jobs."""
        return self._redis

    def run(self, script: str, *args: object) -> Any:
        """Runs lua/`script`.lua. Returns what it returns; raises RedisError."""
        return self._scripts[script](args=[str(arg) for arg in args], client=self._connections.own)

    # used by the API

    def ping(self) -> None:
        """Returns if Redis responds; otherwise raises redis.exceptions.RedisError."""
        self._redis.ping()

    def add(self, job_id: JobId, request: JsonObject, tags: Mapping[str, str], token: str = "") -> Job:
        """Adds a job. Returns it, STARTING and queued. Raises JobExists, TooManyJobs.

        A repeated call with the same `token` returns the job of the first.
        """
        limit, flat = self.settings.max_active_jobs, chain.from_iterable(tags.items())
        added = self.run("add", job_id, token or f"{random.getrandbits(128):x}", json.dumps(request), limit, *flat)
        if not isinstance(added, list):
            raise TooManyJobs(job_id) if added else JobExists(job_id)
        fence, created, modified = map(int, added)
        made, changed = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (created, modified))
        return Job(job_id, request, JobStatus.STARTING, made, changed, fence=fence)

    def get(self, job_id: JobId) -> Job:
        """The job's current state. Raises JobNotFound."""
        return _job(job_id, cast("list[str | None]", self._connections.own.hmget(f"neo:job:{job_id}", list(_FIELDS))))

    def page(self, scope: Scope, query: Query) -> Page:
        """Up to `query.limit` jobs after the query's cursor that match its filters, in its order."""
        ask: JsonObject = {
            "scope": str(scope),
            "sort_by": query.sort_by,
            "descending": query.descending,
            "name_contains": query.name_contains,
            "status": query.status,
            "created_after_ms": query.created_after_ms,
            "created_before_ms": query.created_before_ms,
            "modified_after_ms": query.modified_after_ms,
            "modified_before_ms": query.modified_before_ms,
            "after": query.after,
            "scan": SCAN_LIMIT,
            "most": SEARCH_LIMIT,
        }
        jobs: list[Job] = []
        while True:
            ask["limit"] = query.limit + 1 - len(jobs)
            text = json.dumps({key: value for key, value in ask.items() if value is not None})
            rows, cursor = self.run("page", text, *_FIELDS)
            jobs += [_job(JobId(scope, name), values) for name, *values in rows]
            if len(jobs) > query.limit or not cursor:
                return Page(tuple(jobs[: query.limit]), more=len(jobs) > query.limit)
            ask["after"] = (cursor[0], int(cursor[1]), cursor[2])

    def stop(self, job_id: JobId) -> JobStatus:
        """Changes a STARTING or INPROGRESS job to STOPPING. Returns the status before the call. Raises JobNotFound."""
        before = self.run("stop", job_id)
        if before is None:
            raise JobNotFound(job_id)
        return JobStatus(before)

    def delete(self, job_id: JobId) -> None:
        """Deletes the record of a terminal job, not its artifact. Raises JobNotFound, JobActive."""
        status = self.run("delete", job_id)
        if status is None:
            raise JobNotFound(job_id)
        if JobStatus(status) not in TERMINAL:
            raise JobActive(job_id, JobStatus(status))

    def history(self, job_id: JobId) -> list[JobStatus]:
        """All statuses that the job has had, in order."""
        return [JobStatus(s) for s in cast("list[str]", self._redis.lrange(f"neo:history:{job_id}", 0, -1))]

    def tags(self, job_id: JobId) -> dict[str, str]:
        """The job's tags. Raises JobNotFound."""
        return self._tag(job_id, "put")

    def put_tags(self, job_id: JobId, tags: Mapping[str, str]) -> dict[str, str]:
        """Adds or overwrites tags. Returns all tags of the job. Raises JobNotFound, TooManyTags."""
        return self._tag(job_id, "put", *chain.from_iterable(tags.items()))

    def remove_tags(self, job_id: JobId, keys: Iterable[str]) -> None:
        """Removes the tags with these keys; unknown keys are ignored. Raises JobNotFound."""
        self._tag(job_id, "remove", *keys)

    def tagged(self, scope: Scope) -> dict[str, dict[str, str]]:
        """Tags by job name, for all jobs in `scope` that have tags."""
        keys = list(self._redis.scan_iter(f"neo:tags:{scope}:*", count=1000))
        with self._redis.pipeline(transaction=False) as batch:
            for key in keys:
                batch.hgetall(key)
            found = zip(keys, batch.execute(), strict=True)
        return {key.rsplit(":", 1)[1]: tags for key, tags in found if tags}

    def _tag(self, job_id: JobId, *args: str) -> dict[str, str]:
        flat = self.run("tag", job_id, *args)
        if not isinstance(flat, list):
            raise JobNotFound(job_id) if flat is None else TooManyTags(job_id)
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def clear(self) -> None:
        """Deletes all jobs; running compilations notice at their next heartbeat. Keeps worker records and the fence."""
        keep = ("neo:worker:", "neo:seen:", "neo:fence")
        batch = [key for key in self._redis.scan_iter("neo:*", count=1000) if not key.startswith(keep)]
        for start in range(0, len(batch), 1000):
            self._redis.unlink(*batch[start : start + 1000])

    # used by the engine

    def claim(self, job_id: JobId, worker: str) -> Claim | None:
        """Claims a queued job for `worker`. None if it cannot be claimed (already claimed, stopped or deleted)."""
        hold_ms, republish_ms = (
            int(s * 1000) for s in (self.settings.min_starting_seconds, self.settings.republish_seconds)
        )
        got = self.run("claim", job_id, worker, self._lease_ms, hold_ms, republish_ms)
        if got is None:
            return None
        request = json.loads(got[2])
        if MODEL_PACKAGE_INPUT in request:
            request["InputConfig"] = request.pop(MODEL_PACKAGE_INPUT)
        return Claim(job_id, int(got[0]), int(got[1]), request=request, fault=got[3], used_seconds=int(got[4]) / 1000)

    def beat(self, claim: Claim, progress: str = "", upload_uri: str = "") -> JobStatus | None:
        """Renews the lease. Returns the status (INPROGRESS or STOPPING), or None if the claim is no longer valid.

        `upload_uri` is where the claim's holder will upload to if the status is INPROGRESS.
        """
        status = self.run("beat", claim.id, claim.fence, self._lease_ms, progress, upload_uri)
        return JobStatus(status) if status else None

    def finish(
        self,
        claim: Claim,
        status: JobStatus,
        failure_reason: str | None = None,
        result: JobResult | None = None,
    ) -> JobStatus | None:
        """Ends the job. Returns the status written (STOPPED if it was STOPPING), None if the claim is invalid."""
        fields: dict[str, str] = {}
        if failure_reason is not None:
            fields["failure_reason"] = failure_reason
        if result is not None:
            fields |= {"artifact_uri": result.artifact_uri, "artifact_digest": result.artifact_digest}
            if result.derived_data_input_config is not None:
                fields["derived_data_input_config"] = result.derived_data_input_config
        written = self.run("finish", claim.id, claim.fence, status, *chain.from_iterable(fields.items()))
        return JobStatus(written) if written else None

    def release(self, claim: Claim) -> bool:
        """Requeues the job without counting the attempt. Returns False if the claim is no longer valid."""
        return bool(self.run("release", claim.id, claim.fence, self._soon_ms))

    def decline(self, job_id: JobId) -> None:
        """Leaves a queued job to other workers: it is announced again like a released one."""
        self.run("decline", job_id, self._soon_ms)

    @property
    def _soon_ms(self) -> int:
        # a reaper announces it in a second, when this worker no longer takes messages
        return 1000 - int(self.settings.republish_seconds * 1000)

    def reap(self) -> list[JobId]:
        """Takes jobs from workers whose lease expired. Returns the IDs to announce again. Safe to run concurrently."""
        settings = self.settings
        reason = WORKER_LOST.format(attempts=settings.max_attempts)
        ids = self.run("reap", settings.max_attempts, int(settings.republish_seconds * 1000), reason)
        return [JobId.parse(text) for text in ids]

    def queued(self) -> int:
        """Returns how many jobs no worker has claimed, of all accounts and regions."""
        return int(self._redis.zcard("neo:queue"))

    @property
    def _lease_ms(self) -> int:
        return int(self.settings.lease_seconds * 1000)
