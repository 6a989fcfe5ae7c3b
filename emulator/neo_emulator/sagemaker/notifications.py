"""Forwards job events to moto's services: status changes to EventBridge, log lines to CloudWatch Logs.

A background thread does it every PAUSE_SECONDS. The app calls `catch_up` before moto handles a request to Logs.
A service is not loaded before its first use: until then log lines stay in Redis, and there are no rules for events.
"""

from __future__ import annotations

import json
from dataclasses import replace

from neo_emulator.aws.delivery import Delivery, logged, milliseconds
from neo_emulator.aws.moto_services import MotoServices
from neo_emulator.protocol.arns import job_arn
from neo_emulator.sagemaker.describe import describe
from neo_workers.jobs import TERMINAL, JsonObject
from neo_workers.settings import Settings
from neo_workers.store.job_streams import Reader, StatusChange
from neo_workers.store.store import JobNotFound, Store

LOG_GROUP = "/aws/sagemaker/CompilationJobs"
SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Compilation Job State Change"


class Notifications(Delivery):
    """Delivers events and log lines in the background, from `start` to `stop`."""

    def __init__(self, settings: Settings, store: Store, services: MotoServices) -> None:
        super().__init__(services)
        self._settings, self._store = settings, store
        self._reader = Reader(store)
        self._begun = False

    def deliver_events(self) -> None:
        """Delivers one event per status change since the last call, if EventBridge is in use."""
        with self._lock:
            if not self._begun:
                self._reader.begin()
                self._begun = True
            for change in self._reader.read_events():
                if self._services.in_use("events"):
                    with logged(change.job_id):
                        self._services.put_event(change.job_id.scope, self._event(change))

    def _event(self, change: StatusChange) -> JsonObject:
        return {
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Resources": [job_arn(change.job_id)],
            "Time": change.at.timestamp(),
            "Detail": json.dumps(self._detail(change), default=milliseconds),
        }

    def _detail(self, change: StatusChange) -> JsonObject:
        """Describe's members at the time of the change. The status's case is a setting, since it is not documented."""
        try:
            job = self._store.get(change.job_id)
            ended = job.ended if change.status in TERMINAL else None
            detail = describe(replace(job, status=change.status, modified=change.at, ended=ended))
        except JobNotFound:
            detail = {"CompilationJobName": change.job_id.name, "CompilationJobArn": job_arn(change.job_id)}
        status = str(change.status)
        detail["CompilationJobStatus"] = status.title() if self._settings.event_status == "Completed" else status
        return detail

    def deliver_logs(self) -> None:
        """Delivers all pending log lines to the jobs' streams."""
        with self._lock:
            while batches := self._reader.read_logs():
                for batch in batches:
                    lines = [{"timestamp": ms, "message": text} for ms, text in batch.lines]
                    with logged(batch.job_id):
                        self._services.put_log_events(batch.job_id.scope, LOG_GROUP, batch.job_id.name, lines)
