"""DescribeEndpoint's response and ListEndpoints' rows, from an endpoint's record."""

from __future__ import annotations

from datetime import UTC, datetime

from neo_emulator.hosting.arns import endpoint_arn
from neo_workers.hosting.endpoints import Endpoint, EndpointStatus, Variant
from neo_workers.jobs import JsonObject


def describe(endpoint: Endpoint) -> JsonObject:
    """The members that DescribeEndpoint returns; those without a value are absent."""
    answer = {
        **summary(endpoint),
        "EndpointConfigName": endpoint.config_name,
        "ProductionVariants": _variants(endpoint),
        "FailureReason": endpoint.failure_reason,
    }
    if endpoint.data_capture:
        kept = ("EnableCapture", "DestinationS3Uri", "KmsKeyId")
        capture = {name: endpoint.data_capture[name] for name in kept if name in endpoint.data_capture}
        sampling = endpoint.data_capture.get("InitialSamplingPercentage", 100)
        answer["DataCaptureConfig"] = {
            **capture,
            "CaptureStatus": "Stopped",  # nothing is captured here
            "CurrentSamplingPercentage": sampling,
        }
    return {name: value for name, value in answer.items() if value not in ("", None)}


def summary(endpoint: Endpoint) -> JsonObject:
    """One row of ListEndpoints."""
    return {
        "EndpointName": endpoint.id.name,
        "EndpointArn": endpoint_arn(endpoint.id.scope, endpoint.id.name),
        "CreationTime": moment(endpoint.created_ms),
        "LastModifiedTime": moment(endpoint.modified_ms),
        "EndpointStatus": str(endpoint.status),
    }


def moment(milliseconds: int) -> datetime:
    """An aware UTC datetime."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _variants(endpoint: Endpoint) -> list[JsonObject]:
    """The current variants, with the desired values while the endpoint is Updating."""
    coming = {variant.name: variant for variant in endpoint.next_variants}
    there = endpoint.status not in (EndpointStatus.CREATING, EndpointStatus.FAILED)
    return [_variant(one, coming.get(one.name, one), there, endpoint.created_ms) for one in endpoint.variants]


def _variant(current: Variant, desired: Variant, there: bool, created_ms: int) -> JsonObject:
    row: JsonObject = {
        "VariantName": current.name,
        "CurrentWeight": current.weight if there else 0.0,
        "DesiredWeight": desired.weight,
    }
    if current.image:
        image = {"SpecifiedImage": current.image, "ResolvedImage": current.image, "ResolutionTime": moment(created_ms)}
        row["DeployedImages"] = [image]
    if current.serverless is not None:
        row |= {"CurrentServerlessConfig": current.serverless, "DesiredServerlessConfig": desired.serverless}
        return row
    return row | {"CurrentInstanceCount": current.count if there else 0, "DesiredInstanceCount": desired.count}
