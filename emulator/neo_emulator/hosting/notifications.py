"""Delivers endpoints' status changes to moto's EventBridge, and their log lines to moto's CloudWatch Logs.

A background thread does it every PAUSE_SECONDS; log lines also before moto answers a request for Logs.
"""

from __future__ import annotations

import json

from neo_emulator.aws.delivery import Delivery, logged, milliseconds
from neo_emulator.aws.moto_endpoints import MotoEndpoints
from neo_emulator.aws.moto_services import MotoServices
from neo_emulator.hosting.arns import endpoint_arn
from neo_emulator.hosting.describe import describe
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.hosting.endpoint_streams import StreamReader
from neo_workers.hosting.endpoints import Endpoint, EndpointStatus
from neo_workers.jobs import JsonObject

SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Endpoint State Change"
STATUS_IN_EVENTS = {
    EndpointStatus.CREATING: "CREATING",
    EndpointStatus.IN_SERVICE: "IN_SERVICE",
    EndpointStatus.UPDATING: "UPDATING",
    EndpointStatus.FAILED: "FAILED",
    EndpointStatus.DELETING: "DELETING",
}
"""Source: "SageMaker endpoint state change" of the guide's page on EventBridge, whose example has IN_SERVICE."""


class EndpointNotifications(Delivery):
    """Delivers events and log lines in the background, from `start` on."""

    name = "endpoint notifications"

    def __init__(self, store: EndpointStore, services: MotoServices, moto: MotoEndpoints) -> None:
        super().__init__(services)
        self._moto = moto
        self._reader = StreamReader(lambda: store.connection)

    def deliver_events(self) -> None:
        """One event per status change since the last call, if anyone has used EventBridge."""
        with self._lock:
            if not self._reader.events_after:
                self._reader.begin()
            for endpoint in self._reader.read_events():
                scope = endpoint.id.scope
                with logged(endpoint.id):
                    if self._services.in_use("sagemaker"):
                        self._moto.follow(scope, endpoint.id.name, endpoint.config_name, str(endpoint.status))
                with logged(endpoint.id):
                    if self._services.in_use("events"):
                        self._services.put_event(scope, event(endpoint))

    def deliver_logs(self) -> None:
        """Delivers all pending log lines, of transform jobs too."""
        with self._lock:
            while lines := self._reader.read_lines():
                for line in lines:
                    entry = [{"timestamp": line.at_ms, "message": line.text}]
                    with logged(f"{line.group} {line.stream}"):
                        self._services.put_log_events(line.scope, line.group, line.stream, entry)


def event(endpoint: Endpoint) -> JsonObject:
    """The entry of PutEvents for the endpoint's current status."""
    detail = {**describe(endpoint), "EndpointStatus": STATUS_IN_EVENTS[endpoint.status], "Tags": {}}
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Resources": [endpoint_arn(endpoint.id.scope, endpoint.id.name)],
        "Time": endpoint.modified_ms / 1000,
        "Detail": json.dumps(detail, default=milliseconds),
    }
