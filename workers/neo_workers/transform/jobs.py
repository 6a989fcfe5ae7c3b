"""A transform job as kept in Redis, its states and their legal transitions.

InProgress -> Completed | Failed
    |
    +-> Stopping -> Stopped
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from neo_workers.hosting.endpoints import Variant
from neo_workers.jobs import JobId, JsonObject

MOST_REASON_CHARS = 1024


class TransformStatus(StrEnum):
    """Values of TransformJobStatus. Source: botocore's sagemaker model."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


S = TransformStatus
TRANSITIONS: dict[TransformStatus, frozenset[TransformStatus]] = {
    S.IN_PROGRESS: frozenset({S.COMPLETED, S.FAILED, S.STOPPING}),
    S.STOPPING: frozenset({S.STOPPED}),
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset(),
    S.STOPPED: frozenset(),
}
"""Legal next states."""
TERMINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)


class TransformId(JobId):
    """Identifies one transform job, as "account:region:name"."""


@dataclass(frozen=True)
class TransformJob:
    """One record, as read at one moment. Times are milliseconds since the epoch."""

    id: TransformId
    request: JsonObject  # the CreateTransformJob request, without Tags
    container: JsonObject  # Image, ModelDataUrl and Environment of the model
    created_ms: int
    modified_ms: int
    status: TransformStatus = TransformStatus.IN_PROGRESS
    started_ms: int | None = None  # a worker began
    ended_ms: int | None = None
    fence: int = 0  # increases with every claim; only the newest may write
    attempts: int = 0  # claims, without those that their worker gave up in an orderly way
    failure_reason: str = ""

    def moved(self, status: TransformStatus, at_ms: int, reason: str = "") -> TransformJob:
        """The job in its next status. Raises ValueError for an illegal transition."""
        if status not in TRANSITIONS[self.status]:
            raise ValueError(f"transform job {self.id}: {self.status} cannot become {status}")
        ended = at_ms if status in TERMINAL else None
        return replace(
            self, status=status, modified_ms=at_ms, ended_ms=ended, failure_reason=reason[:MOST_REASON_CHARS]
        )

    @property
    def variant(self) -> Variant:
        """What is served for the job: its model, with the job's environment over the model's."""
        environment = {**(self.container.get("Environment") or {}), **self.request.get("Environment", {})}
        return Variant(
            name=self.id.name,
            generation=f"{self.fence}",
            model_name=self.request["ModelName"],
            image=self.container.get("Image") or "",
            model_data_url=self.container.get("ModelDataUrl") or "",
            environment={str(name): str(value) for name, value in environment.items()},
            weight=1.0,
            instance_type=self.request["TransformResources"]["InstanceType"],
        )

    def to_json(self) -> str:
        """The record as text."""
        return json.dumps({**asdict(self), "id": str(self.id)})

    @classmethod
    def from_json(cls, text: str) -> TransformJob:
        """The inverse of `to_json`."""
        row: dict[str, Any] = json.loads(text)
        return cls(**{**row, "id": TransformId.parse(row["id"]), "status": TransformStatus(row["status"])})
