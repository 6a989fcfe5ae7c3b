"""How the supervision of a job ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from neo_workers.jobs import JobResult


class Outcome(Enum):
    """How supervision ended."""

    COMPLETED = auto()
    FAILED = auto()
    STOPPED = auto()  # by a client
    RELEASED = auto()  # this worker is shutting down
    LOST = auto()  # the claim is no longer valid


@dataclass(frozen=True)
class Verdict:
    """How supervision ended, and what to write into the store."""

    outcome: Outcome
    reason: str | None = None  # FailureReason, of FAILED
    result: JobResult | None = None  # of COMPLETED
