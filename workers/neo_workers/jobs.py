"""Compilation jobs: their fields, their states and the legal transitions between states.

    STARTING -> INPROGRESS -> COMPLETED | FAILED
        |           |
        +-----------+-> STOPPING -> STOPPED

The status never moves backwards: a job whose worker was lost stays INPROGRESS while it waits for another worker.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from neo_compiler.errors import TROUBLESHOOTING

JsonObject = dict[str, Any]

MODEL_PACKAGE_INPUT = "ModelPackageInput"
"""Member of a stored request with ModelPackageVersionArn: the package's InputConfig. Never in a response."""


class JobStatus(StrEnum):
    """Values of CompilationJobStatus. Source: botocore's sagemaker model."""

    STARTING = "STARTING"
    INPROGRESS = "INPROGRESS"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


S = JobStatus
TRANSITIONS: dict[JobStatus, frozenset[JobStatus]] = {
    S.STARTING: frozenset({S.INPROGRESS, S.STOPPING}),
    S.INPROGRESS: frozenset({S.COMPLETED, S.FAILED, S.STOPPING}),
    S.STOPPING: frozenset({S.STOPPED}),
    S.STOPPED: frozenset(),
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset(),
}
"""Legal next states; the store's scripts are generated from this table and refuse all other transitions."""

TERMINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)

_SAFE = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, order=True)
class Scope:
    """The account and region of a job; job names are unique within them."""

    account: str  # 12 digits
    region: str  # e.g. "us-east-1"

    def __post_init__(self) -> None:
        if not (_SAFE.fullmatch(self.account) and _SAFE.fullmatch(self.region)):
            raise ValueError(f"not an account and region: {self.account!r}, {self.region!r}")

    def __str__(self) -> str:
        return f"{self.account}:{self.region}"


@dataclass(frozen=True, order=True)
class JobId:
    """Identifies one job in the store and in Celery messages, as "account:region:name"."""

    scope: Scope
    name: str  # CompilationJobName

    def __str__(self) -> str:
        return f"{self.scope}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str()`. Raises ValueError."""
        parts = text.split(":")
        if len(parts) != 3 or not _SAFE.fullmatch(parts[2]):
            raise ValueError(f"not a job id: {text!r}")
        return cls(Scope(parts[0], parts[1]), parts[2])


@dataclass(frozen=True)
class JobResult:
    """The result of a COMPLETED job."""

    artifact_uri: str  # s3://bucket/prefix/stem-target.tar.gz
    artifact_digest: str  # BLAKE2b of the tar.gz, 128 hex digits
    derived_data_input_config: str | None = None  # JSON; only if the request had no DataInputConfig


@dataclass(frozen=True)
class Job:
    """A job as read from the store at one point in time."""

    id: JobId
    request: JsonObject  # the CreateCompilationJob request as sent, without Tags
    status: JobStatus
    created: datetime  # milliseconds
    modified: datetime  # whole seconds; last change of status
    started: datetime | None = None  # whole seconds, never before `created`
    ended: datetime | None = None  # whole seconds
    fence: int = 0  # increases with every claim and reap; writes with an older fence are refused
    attempt: int = 0  # compilations started
    progress: str = ""  # the pipeline's current step
    failure_reason: str | None = None
    result: JobResult | None = None


@dataclass(frozen=True)
class Claim:
    """A worker's exclusive right to process a job: valid while `fence` equals the stored one."""

    id: JobId
    fence: int
    attempt: int
    request: JsonObject
    fault: str = ""  # FailureReason of a simulated failure; the job is not compiled
    used_seconds: float = 0.0  # of MaxRuntimeInSeconds, by attempts whose worker died


class SortBy(StrEnum):
    """Values of ListCompilationJobs' SortBy. Source: botocore's sagemaker model."""

    NAME = "Name"
    CREATION_TIME = "CreationTime"
    STATUS = "Status"


@dataclass(frozen=True)
class Query:
    """Parameters of one page of ListCompilationJobs. Times are milliseconds since the epoch, inclusive."""

    sort_by: SortBy = SortBy.CREATION_TIME
    descending: bool = False
    limit: int = 100
    name_contains: str = ""
    status: JobStatus | None = None
    created_after_ms: int | None = None
    created_before_ms: int | None = None
    modified_after_ms: int | None = None
    modified_before_ms: int | None = None
    after: tuple[str, int, str] | None = None  # (status, created_ms, name) of the previous page's last job


@dataclass(frozen=True)
class Page:
    """Jobs in order, and whether more may follow the last of them."""

    jobs: tuple[Job, ...]
    more: bool


def short_reason(failure_reason: str) -> str:
    """A FailureReason without the link to the troubleshooting page at its end."""
    return failure_reason.removesuffix(TROUBLESHOOTING)
