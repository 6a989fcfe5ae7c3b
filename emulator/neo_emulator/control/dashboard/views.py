"""The data of the dashboard as plain dictionaries, for the pages and the `jobs` and `logs` commands."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from neo_emulator.sagemaker.describe import describe
from neo_targets import listing, registry
from neo_workers.jobs import TERMINAL, Job, JobId, JobStatus, Query, Scope
from neo_workers.store import job_streams
from neo_workers.store.store import Store

MOST_JOBS = 200
MOST_LINES = 500
_INDEX = re.compile(r"neo:(\d{12}):([a-z0-9-]+):created")
_STEP = re.compile(r"step: ([a-z_]{1,32})")
_ATTEMPT = re.compile(r"attempt \d+")
View = dict[str, Any]


def scopes(store: Store) -> list[Scope]:
    """Every account and region that has jobs, sorted."""
    found = (_INDEX.fullmatch(key) for key in store.connection.scan_iter("neo:[0-9]*:created", count=1000))
    return sorted(Scope(match[1], match[2]) for match in found if match)


def jobs(store: Store, status: JobStatus | None = None, contains: str = "", before: str = "") -> list[View]:
    """Up to MOST_JOBS jobs of all accounts and regions, newest first; with `before` (from `older`), the next page.

    Raises ValueError for a `before` that is not from `older`.
    """
    query = Query(descending=True, limit=MOST_JOBS, status=status, name_contains=contains)
    if before:
        milliseconds, _, name = before.partition("~")
        query = replace(query, after=("", int(milliseconds), name))
    found = [job for scope in scopes(store) for job in store.page(scope, query).jobs]
    found.sort(key=lambda job: (job.created, job.id.name), reverse=True)
    return [summary(job) for job in found[:MOST_JOBS]]


def older(shown: list[View]) -> str:
    """The `before` of the page after `shown`, "" if there is none."""
    if len(shown) < MOST_JOBS:
        return ""
    last = shown[-1]
    return f"{int(datetime.fromisoformat(last['created']).timestamp() * 1000)}~{last['name']}"


def summary(job: Job) -> View:
    """One line of the list of jobs; times are ISO 8601 in UTC."""
    source = job.request.get("InputConfig") or {}
    until = job.ended or datetime.now(UTC)
    begun = job.started or job.created
    return {
        "id": str(job.id),
        "name": job.id.name,
        "account": job.id.scope.account,
        "region": job.id.scope.region,
        "status": str(job.status),
        "step": job.progress if job.status not in TERMINAL else "",
        "target": registry.target_name(job.request.get("OutputConfig") or {}),
        "framework": source.get("Framework", ""),
        "created": job.created.isoformat(),
        "ended": job.ended.isoformat() if job.ended else None,
        "seconds": round(max(0.0, (until - begun).total_seconds()), 1),
        "attempt": job.attempt,
        "reason": job.failure_reason,
    }


def job(store: Store, job_id: JobId) -> View:
    """A job in detail: its summary, DescribeCompilationJob's response, tags, phases. Raises JobNotFound."""
    found = store.get(job_id)
    lines = log_lines(store, found)
    return {
        **summary(found),
        "description": describe(found),
        "tags": store.tags(job_id),
        "phases": phases(lines, None if found.status in TERMINAL else int(datetime.now(UTC).timestamp() * 1000)),
        "artifact": found.result.artifact_uri if found.result else None,
    }


def log_lines(store: Store, job: Job) -> list[job_streams.Line]:
    """The job's log so far: (milliseconds since the epoch, text)."""
    return job_streams.lines_of(store, job.id, int(job.created.timestamp() * 1000))


def phases(lines: list[job_streams.Line], now_ms: int | None) -> list[View]:
    """The steps of the last attempt with their `seconds`, from the log. The last one runs until `now_ms`."""
    begun: list[tuple[str, int]] = []
    for milliseconds, text in lines:
        if _ATTEMPT.fullmatch(text):
            begun = [("start", milliseconds)]
        elif step := _STEP.fullmatch(text):
            begun.append((step[1], milliseconds))
    if not begun:
        return []
    end = max(lines[-1][0], now_ms or 0)
    ends = [milliseconds for _, milliseconds in begun[1:]] + [end]
    return [
        {"name": name, "seconds": round((until - since) / 1e3, 3), "offset": round((since - begun[0][1]) / 1e3, 3)}
        for (name, since), until in zip(begun, ends, strict=True)
    ]


def targets() -> list[View]:
    """Every TargetDevice and TargetPlatform: its machine code, how it is tested, and what its artifacts lack."""
    return [dict(row) for row in listing.rows()]
