"""What moto knows about models, endpoint configurations, endpoints, and the objects that models are loaded from.

Source: moto 5.2, the backends (models.py) of sagemaker, sagemakerruntime and s3; a contract test covers each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from neo_emulator.protocol.service_model import input_shape
from neo_workers import artifacts
from neo_workers.jobs import JsonObject, Scope

OWNER_HEADER = "x-amz-meta-neo-emulator-job"
"""Metadata of every artifact: neo_compiler.storage.s3.OWNER as S3 keeps it."""
MOST_BYTES = 256 << 20
"""Maximum size of an object without that owner token whose contents are inspected."""


@dataclass(frozen=True)
class EndpointRow:
    """An endpoint that only moto has."""

    name: str
    arn: str
    status: str
    created: datetime
    modified: datetime


class MotoEndpoints:
    """Reads moto's backends directly, without HTTP."""

    def __init__(self, load: Callable[[], object]) -> None:
        self._load = load  # loads moto and the contents of the data folder

    def config(self, scope: Scope, name: str) -> JsonObject | None:
        """ProductionVariants and DataCaptureConfig of an endpoint configuration, None for an unknown one."""
        found = self._backend("sagemaker", scope).endpoint_configs.get(name)
        if found is None:
            return None
        return {
            "ProductionVariants": [dict(variant) for variant in found.production_variants],
            "DataCaptureConfig": dict(found.data_capture_config or {}),
        }

    def containers(self, scope: Scope, model_name: str) -> list[JsonObject] | None:
        """The containers of a model, None for an unknown one."""
        model = self._backend("sagemaker", scope)._models.get(model_name)
        if model is None:
            return None
        return [dict(row) for row in (model.containers or [model.primary_container or {}])]

    def has_endpoint(self, scope: Scope, name: str) -> bool:
        """Whether moto has an endpoint of that name, ours or not."""
        return name in self._backend("sagemaker", scope).endpoints

    def endpoints(self, scope: Scope) -> list[EndpointRow]:
        """Every endpoint that moto has."""
        rows = list(self._backend("sagemaker", scope).endpoints.values())
        return [
            EndpointRow(
                row.endpoint_name, row.arn, row.endpoint_status, utc(row.creation_time), utc(row.last_modified_time)
            )
            for row in rows
        ]

    def follow(self, scope: Scope, name: str, config_name: str, status: str) -> None:
        """Updates moto's own copy of an endpoint, which Search reads."""
        found = self._backend("sagemaker", scope).endpoints.get(name)
        if found is not None:
            found.endpoint_config_name, found.endpoint_status = config_name, status

    def has_results(self, scope: Scope, name: str) -> bool:
        """Whether a user has queued results for an endpoint's requests, or requests were answered with such results."""
        backend = self._backend("sagemaker-runtime", scope)
        return bool(backend.results_queue) or name in backend.results

    def is_artifact(self, bucket: str, key: str) -> bool:
        """Whether an object is an artifact of a compilation job here, or a copy of one."""
        found = self._bucket(bucket)
        item = found.keys.get(key) if found is not None else None
        if item is None or not hasattr(item, "metadata"):  # a delete marker has none
            return False
        if item.metadata.get(OWNER_HEADER):
            return True
        contents = artifacts.contents(item.value) if item.size <= MOST_BYTES else None
        return contents is not None and bool(contents.meta)

    def is_model_of_ours(self, container: JsonObject, has_artifact: Callable[[str], bool]) -> bool:
        """Whether a model runs here. Also true at an artifact's address if the artifact was replaced or deleted."""
        try:
            bucket, key = artifacts.bucket_and_key(container.get("ModelDataUrl") or "")
        except ValueError:
            return False
        return has_artifact(f"s3://{bucket}/{key}") or self.is_artifact(bucket, key)

    def allow_instance_types(self) -> None:
        """Makes CreateEndpointConfig accept every instance type of botocore's model; moto's own list is older."""
        self._load()
        from moto.sagemaker.exceptions import ValidationError
        from moto.sagemaker.models import FakeEndpointConfig

        variants = input_shape("CreateEndpointConfig").members["ProductionVariants"].member
        allowed = variants.members["InstanceType"].enum

        def validate_instance_type(self: object, instance_type: str) -> None:
            if instance_type not in allowed:
                raise ValidationError(
                    message=f"1 validation error detected: Value '{instance_type}' at 'productionVariants.1.member."
                    "instanceType' failed to satisfy constraint: Member must satisfy enum value set: "
                    f"[{', '.join(allowed)}]"
                )

        FakeEndpointConfig.validate_instance_type = validate_instance_type

    def _bucket(self, name: str) -> Any:
        from moto.s3.models import s3_backends

        self._load()
        owner = s3_backends.bucket_accounts.get(name)
        return s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None

    def _backend(self, service: str, scope: Scope) -> Any:
        from moto.backends import get_backend

        self._load()
        return get_backend(service)[scope.account][scope.region]


def utc(at: datetime) -> datetime:
    """moto's times have no zone; they are UTC."""
    return at.replace(tzinfo=UTC)
