"""An endpoint and its variants, as stored in Redis, and the status that follows from its variants' states.

Creating -> InService | Failed        InService -> Updating -> InService        any -> Deleting -> gone
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from neo_workers.jobs import JobId, JsonObject


class EndpointStatus(StrEnum):
    """Values of EndpointStatus that occur here. Source: botocore's sagemaker model."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    FAILED = "Failed"
    DELETING = "Deleting"


class VariantState(StrEnum):
    """The state of a variant's serving process."""

    LOADING = "Loading"
    READY = "Ready"
    FAILED = "Failed"


SERVING = frozenset({EndpointStatus.IN_SERVICE, EndpointStatus.UPDATING})
"""Statuses in which an endpoint answers requests."""


def log_group(name: str) -> str:
    """The log group of an endpoint. Source: the guide's page on CloudWatch logs."""
    return f"/aws/sagemaker/Endpoints/{name}"


class EndpointId(JobId):
    """Identifies one endpoint, as "account:region:name"."""


@dataclass(frozen=True)
class Variant:
    """One production variant: a model, and how much of the traffic it gets."""

    name: str
    generation: str  # unique for each load of a model; requests are queued by it
    model_name: str
    image: str
    model_data_url: str
    environment: dict[str, str]
    weight: float
    instance_type: str | None = None
    count: int = 1  # InitialInstanceCount
    serverless: JsonObject | None = None  # ServerlessConfig
    state: VariantState = VariantState.LOADING
    reason: str = ""  # why it FAILED
    digest: str = ""  # BLAKE2b of the served archive, "" until it is known
    twin_of: str = ""  # why a twin answers instead of the artifact, "" if the artifact itself does


@dataclass(frozen=True)
class Endpoint:
    """A snapshot of one record. Times are milliseconds since the epoch."""

    id: EndpointId
    config_name: str
    status: EndpointStatus
    variants: tuple[Variant, ...]
    created_ms: int
    modified_ms: int
    hold_until_ms: int  # it stays Creating, Updating or Deleting at least until then
    next_config_name: str = ""
    next_variants: tuple[Variant, ...] = ()  # of an Updating endpoint: its future values
    failure_reason: str = ""
    data_capture: JsonObject = field(default_factory=dict)  # DataCaptureConfig

    @property
    def wanted(self) -> tuple[Variant, ...]:
        """The variants that must be served."""
        if self.status in (EndpointStatus.FAILED, EndpointStatus.DELETING):
            return ()
        return tuple({variant.generation: variant for variant in (*self.variants, *self.next_variants)}.values())

    def with_variant(self, generation: str, **changes: Any) -> Endpoint:
        """The endpoint with the variant of that generation changed."""

        def changed(variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
            return tuple(replace(v, **changes) if v.generation == generation else v for v in variants)

        return replace(self, variants=changed(self.variants), next_variants=changed(self.next_variants))

    def to_json(self) -> str:
        """The record as text."""
        return json.dumps({**asdict(self), "id": str(self.id)})

    @classmethod
    def from_json(cls, text: str) -> Endpoint:
        """The Endpoint that `to_json` wrote."""
        row = json.loads(text)
        variants = {name: tuple(_variant(one) for one in row[name]) for name in ("variants", "next_variants")}
        return cls(**{**row, **variants, "id": EndpointId.parse(row["id"]), "status": EndpointStatus(row["status"])})


def _variant(row: dict[str, Any]) -> Variant:
    return Variant(**{**row, "state": VariantState(row["state"])})


def settle(endpoint: Endpoint, now_ms: int) -> Endpoint | None:
    """The endpoint in the status that follows from its variants' states at `now_ms`; None if it is deleted."""
    if now_ms < endpoint.hold_until_ms or endpoint.status is EndpointStatus.FAILED:
        return endpoint
    if endpoint.status is EndpointStatus.DELETING:
        return None
    failed = next((v.reason for v in endpoint.wanted if v.state is VariantState.FAILED), "")
    ready = all(v.state is VariantState.READY for v in endpoint.wanted)
    if endpoint.status is EndpointStatus.UPDATING:
        return _settle_update(endpoint, failed, ready, now_ms)
    if failed:  # also if a model was lost while InService
        return replace(endpoint, status=EndpointStatus.FAILED, failure_reason=failed, modified_ms=now_ms)
    if ready and endpoint.status is EndpointStatus.CREATING:
        return replace(endpoint, status=EndpointStatus.IN_SERVICE, modified_ms=now_ms)
    return endpoint


def _settle_update(endpoint: Endpoint, failed: str, ready: bool, now_ms: int) -> Endpoint:
    """Completes the update, or rolls it back: the variants that were in service stay so."""
    done = replace(
        endpoint, status=EndpointStatus.IN_SERVICE, next_config_name="", next_variants=(), modified_ms=now_ms
    )
    if failed:
        return replace(done, failure_reason=failed)
    if not ready:
        return endpoint
    return replace(done, config_name=endpoint.next_config_name, variants=endpoint.next_variants, failure_reason="")
