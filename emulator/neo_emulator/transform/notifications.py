"""Delivers status changes of transform jobs to EventBridge, and to moto's copies of the jobs, in the background."""

from __future__ import annotations

import json

from neo_emulator.aws.delivery import Delivery, logged, milliseconds
from neo_emulator.aws.moto_services import MotoServices
from neo_emulator.aws.moto_transforms import MotoTransforms
from neo_emulator.hosting.arns import arn
from neo_emulator.transform.describe import describe
from neo_workers.jobs import JsonObject
from neo_workers.transform.jobs import TransformJob
from neo_workers.transform.store import TransformStore

SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Transform Job State Change"
"""Source: "SageMaker transform job state change" of the guide's page on EventBridge."""


class TransformNotifications(Delivery):
    """Delivers events in the background, from `start` on. Log lines are delivered with those of endpoints."""

    name = "transform notifications"

    def __init__(self, store: TransformStore, services: MotoServices, moto: MotoTransforms) -> None:
        super().__init__(services)
        self._events, self._moto = store.events, moto
        self._after = ""

    def deliver_events(self) -> None:
        """One event per status change since the last call, if EventBridge is in use."""
        with self._lock:
            self._after = self._after or self._events.end()
            self._after, texts = self._events.read(self._after)
            for job in map(TransformJob.from_json, texts):
                with logged(job.id):
                    if self._services.in_use("sagemaker"):
                        self._moto.follow_job(job.id.scope, job.id.name, describe(job))
                with logged(job.id):
                    if self._services.in_use("events"):
                        self._services.put_event(job.id.scope, event(job))

    def deliver_logs(self) -> None:
        """Nothing: EndpointNotifications delivers the log lines of transform jobs."""


def event(job: TransformJob) -> JsonObject:
    """The entry of PutEvents for the job's current status."""
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Resources": [arn("transform-job", job.id.scope, job.id.name)],
        "Time": job.modified_ms / 1000,
        "Detail": json.dumps({**describe(job), "Tags": {}}, default=milliseconds),
    }
