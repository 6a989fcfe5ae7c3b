"""The truth about every job: Redis hashes, changed only by the Lua scripts in lua/, each of which is atomic.

Raises the errors of refusals.py; redis.exceptions.RedisError passes through when Redis itself is away.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import resources
from itertools import chain
from typing import Any, cast

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
"""Index entries one script call walks at most, so that a query that few jobs match never blocks Redis for long."""
SEARCH_LIMIT = 5000
"""Jobs one script call picks from at most, where an index narrows the query down to them."""

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
        # a worker must learn within its lease that Redis hangs
        self._connections = connect(settings.store_url, min(5.0, max(1.0, settings.lease_seconds / 2)))
        self._redis = self._connections.pooled
        self.connection = self._redis  # for what is not a job: controls.py, feed.py
        prelude = _transitions_in_lua() + _lua("_prelude")
        self._scripts = {name: self._redis.register_script(prelude + _lua(name)) for name in _SCRIPTS}

    def run(self, script: str, *args: object) -> Any:
        """What lua/`script`.lua returns."""
        return self._scripts[script](args=[str(arg) for arg in args], client=self._connections.own)

    # what the API asks

    def ping(self) -> None:
        """Returns when Redis answers; raises redis.exceptions.RedisError when it does not."""
        self._redis.ping()

    def add(self, job_id: JobId, request: JsonObject, tags: Mapping[str, str], token: str = "") -> Job:
        """The new job, STARTING and queued. Raises JobExists, TooManyJobs.

        A second call with the same `token` is the first one repeated, and comes out like it.
        """
        limit, flat = self.settings.max_active_jobs, chain.from_iterable(tags.items())
        added = self.run("add", job_id, token or f"{random.getrandbits(128):x}", json.dumps(request), limit, *flat)
        if not isinstance(added, list):
            raise TooManyJobs(job_id) if added else JobExists(job_id)
        fence, created, modified = map(int, added)
        made, changed = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (created, modified))
        return Job(job_id, request, JobStatus.STARTING, made, changed, fence=fence)

    def get(self, job_id: JobId) -> Job:
        """The job as it is now. Raises JobNotFound."""
        return _job(job_id, cast("list[str | None]", self._connections.own.hmget(f"neo:job:{job_id}", list(_FIELDS))))

    def page(self, scope: Scope, query: Query) -> Page:
        """Up to `query.limit` jobs behind the query's cursor that pass its filters, in its order."""
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
        """The status before the call; a job that was STARTING or INPROGRESS is STOPPING now. Raises JobNotFound."""
        before = self.run("stop", job_id)
        if before is None:
            raise JobNotFound(job_id)
        return JobStatus(before)

    def delete(self, job_id: JobId) -> None:
        """Forgets a terminal job; its artifact stays. Raises JobNotFound, JobActive."""
        status = self.run("delete", job_id)
        if status is None:
            raise JobNotFound(job_id)
        if JobStatus(status) not in TERMINAL:
            raise JobActive(job_id, JobStatus(status))

    def history(self, job_id: JobId) -> list[JobStatus]:
        """Every status the job had, in order."""
        return [JobStatus(s) for s in cast("list[str]", self._redis.lrange(f"neo:history:{job_id}", 0, -1))]

    def tags(self, job_id: JobId) -> dict[str, str]:
        """The job's tags. Raises JobNotFound."""
        return self._tag(job_id, "put")

    def put_tags(self, job_id: JobId, tags: Mapping[str, str]) -> dict[str, str]:
        """All tags after these were added or overwritten. Raises JobNotFound, TooManyTags."""
        return self._tag(job_id, "put", *chain.from_iterable(tags.items()))

    def remove_tags(self, job_id: JobId, keys: Iterable[str]) -> None:
        """Drops the tags with these keys; unknown keys are ignored. Raises JobNotFound."""
        self._tag(job_id, "remove", *keys)

    def tagged(self, scope: Scope) -> dict[str, dict[str, str]]:
        """Tags by job name, of every job in `scope` that has any."""
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
        """Forgets every job; running compiles notice at their next beat. Live workers and the fence stay."""
        keep = ("neo:worker:", "neo:seen:", "neo:fence")
        batch = [key for key in self._redis.scan_iter("neo:*", count=1000) if not key.startswith(keep)]
        for start in range(0, len(batch), 1000):
            self._redis.unlink(*batch[start : start + 1000])

    # what the engine asks

    def claim(self, job_id: JobId, worker: str) -> Claim | None:
        """The right to compile a queued job, or None when it is not there to be had (taken, stopped, gone)."""
        hold_ms, republish_ms = (
            int(s * 1000) for s in (self.settings.min_starting_seconds, self.settings.republish_seconds)
        )
        got = self.run("claim", job_id, worker, self._lease_ms, hold_ms, republish_ms)
        if got is None:
            return None
        request = json.loads(got[2])
        if MODEL_PACKAGE_INPUT in request:
            request["InputConfig"] = request.pop(MODEL_PACKAGE_INPUT)
        return Claim(job_id, int(got[0]), int(got[1]), request=request, fault=got[3])

    def beat(self, claim: Claim, progress: str = "", upload_uri: str = "") -> JobStatus | None:
        """Renews the lease. The status (INPROGRESS or STOPPING), or None when the claim is no longer good.

        `upload_uri` is where the claim's holder uploads to if the answer is INPROGRESS.
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
        """The terminal status written, STOPPED if a Stop came first; None when the claim is no longer good."""
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
        """Gives the job back to the queue without charging the attempt; False when the claim is no longer good."""
        return bool(self.run("release", claim.id, claim.fence, self._soon_ms))

    def decline(self, job_id: JobId) -> None:
        """Leaves a queued job to other workers: it is announced again as if it had been released."""
        self.run("decline", job_id, self._soon_ms)

    @property
    def _soon_ms(self) -> int:
        # announced by a reaper a second from now, when this worker no longer takes messages
        return 1000 - int(self.settings.republish_seconds * 1000)

    def reap(self) -> list[JobId]:
        """Takes jobs from silent workers; the ids to announce again. Any number of processes may do this at once."""
        settings = self.settings
        reason = WORKER_LOST.format(attempts=settings.max_attempts)
        ids = self.run("reap", settings.max_attempts, int(settings.republish_seconds * 1000), reason)
        return [JobId.parse(text) for text in ids]

    @property
    def _lease_ms(self) -> int:
        return int(self.settings.lease_seconds * 1000)
