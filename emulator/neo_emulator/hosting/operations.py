"""SageMaker's endpoint operations, by their AWS names in OPERATIONS.

Each returns the members of the response, or None if moto is to answer: for endpoints of models that are not our
artifacts, and to keep its own copy of ours, which tags and Search read. Raises ServiceError.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from neo_emulator.aws.moto_endpoints import MotoEndpoints
from neo_emulator.hosting import errors, listing
from neo_emulator.hosting.arns import endpoint_arn
from neo_emulator.hosting.describe import describe, summary
from neo_emulator.protocol.errors import validation
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.hosting.endpoints import Endpoint, EndpointId, EndpointStatus, Variant
from neo_workers.jobs import JsonObject, Scope
from neo_workers.store.record_hash import now_ms

WEIGHT, COUNT = "DesiredWeight", "DesiredInstanceCount"


@dataclass(frozen=True)
class EndpointRequest:
    """One request, and what operations need to answer it."""

    members: JsonObject
    scope: Scope
    store: EndpointStore
    moto: MotoEndpoints

    @property
    def name(self) -> str:
        """EndpointName."""
        return str(self.members["EndpointName"])

    @property
    def id(self) -> EndpointId:
        """The endpoint that EndpointName names."""
        return EndpointId(self.scope, self.name)

    @property
    def hold_until_ms(self) -> int:
        """The earliest end of a change that begins now."""
        return now_ms() + int(self.store.settings.min_endpoint_seconds * 1000)


def create_endpoint_config(request: EndpointRequest) -> None:
    """Leaves it to moto, made to accept every instance type of botocore's model."""
    request.moto.allow_instance_types()


def create_endpoint(request: EndpointRequest) -> None:
    """Adds the endpoint as Creating if a model of it is our artifact; moto responds."""
    scope, name = request.scope, request.name
    if request.store.get(request.id) is not None or request.moto.has_endpoint(scope, name):
        raise errors.endpoint_exists(scope, name)
    config_name = request.members["EndpointConfigName"]
    variants = _variants(request, config_name)
    if variants is None:
        return
    at = now_ms()
    config = request.moto.config(scope, config_name) or {}
    made = Endpoint(
        id=request.id,
        config_name=config_name,
        status=EndpointStatus.CREATING,
        variants=variants,
        created_ms=at,
        modified_ms=at,
        hold_until_ms=request.hold_until_ms,
        data_capture=config.get("DataCaptureConfig") or {},
    )

    def add(found: Endpoint | None) -> Endpoint:
        if found is not None:
            raise errors.endpoint_exists(scope, name)
        return made

    request.store.update(request.id, add)


def describe_endpoint(request: EndpointRequest) -> JsonObject | None:
    """The endpoint's description."""
    found = request.store.get(request.id)
    return describe(found) if found is not None else _motos(request)


def list_endpoints(request: EndpointRequest) -> JsonObject:
    """One page of summaries, including those of moto's endpoints."""
    ours = {endpoint.id.name: summary(endpoint) for endpoint in request.store.all(request.scope)}
    motos = {
        row.name: {
            "EndpointName": row.name,
            "EndpointArn": row.arn,
            "CreationTime": row.created,
            "LastModifiedTime": row.modified,
            "EndpointStatus": row.status,
        }
        for row in request.moto.endpoints(request.scope)
    }
    return listing.page(list({**motos, **ours}.values()), request.members)


def delete_endpoint(request: EndpointRequest) -> JsonObject | None:
    """Nothing; the endpoint is Deleting, then deleted. Running requests are completed."""
    if request.store.get(request.id) is None:
        return _motos(request)
    hold = request.hold_until_ms

    def delete(found: Endpoint | None) -> Endpoint | None:
        if found is None or found.status is EndpointStatus.DELETING:
            return found
        return replace(found, status=EndpointStatus.DELETING, modified_ms=now_ms(), hold_until_ms=hold)

    request.store.update(request.id, delete)
    return None if request.moto.has_endpoint(request.scope, request.name) else {}


def update_endpoint(request: EndpointRequest) -> JsonObject | None:
    """The ARN; the endpoint is Updating, and the old variants stay in service until all new ones are loaded."""
    found = request.store.get(request.id)
    if found is None:
        return _motos(request)
    config_name = request.members["EndpointConfigName"]
    variants = _variants(request, config_name)
    if variants is None:
        raise validation(
            f"Endpoint configuration {config_name} has no model that was compiled here: an endpoint of compiled models "
            "stays one."
        )
    if request.members.get("RetainAllVariantProperties"):
        left_out = {row["VariantPropertyType"] for row in request.members.get("ExcludeRetainedVariantProperties", [])}
        variants = tuple(_retained(variant, found.variants, left_out) for variant in variants)
    return _begin_update(request, lambda _: (config_name, variants))


def update_endpoint_weights_and_capacities(request: EndpointRequest) -> JsonObject | None:
    """The ARN; the endpoint is Updating until the weights are applied."""
    if request.store.get(request.id) is None:
        return _motos(request)
    wanted: dict[str, JsonObject] = {}
    for row in request.members["DesiredWeightsAndCapacities"]:
        if row["VariantName"] in wanted:
            raise errors.variant_twice(row["VariantName"])
        wanted[row["VariantName"]] = row

    def change(found: Endpoint) -> tuple[str, tuple[Variant, ...]]:
        if unknown := sorted(wanted.keys() - {variant.name for variant in found.variants}):
            raise errors.no_variant(unknown[0], found.config_name)
        return found.config_name, tuple(_weighed(variant, wanted.get(variant.name, {})) for variant in found.variants)

    return _begin_update(request, change)


def _begin_update(
    request: EndpointRequest, change: Callable[[Endpoint], tuple[str, tuple[Variant, ...]]]
) -> JsonObject:
    scope, name, hold = request.scope, request.name, request.hold_until_ms

    def begin(found: Endpoint | None) -> Endpoint:
        if found is None:
            raise errors.no_endpoint(scope, name)
        if found.status is EndpointStatus.FAILED:
            raise errors.endpoint_failed(scope, name)
        if found.status is not EndpointStatus.IN_SERVICE:
            raise errors.endpoint_busy(scope, name)
        config_name, variants = change(found)
        return replace(
            found,
            status=EndpointStatus.UPDATING,
            next_config_name=config_name,
            next_variants=variants,
            failure_reason="",
            modified_ms=now_ms(),
            hold_until_ms=hold,
        )

    request.store.update(request.id, begin)
    return {"EndpointArn": endpoint_arn(scope, name)}


def _variants(request: EndpointRequest, config_name: str) -> tuple[Variant, ...] | None:
    """The configuration's variants, to be loaded; None if none of their models is our artifact."""
    scope, moto = request.scope, request.moto
    config = moto.config(scope, config_name)
    if config is None:
        raise errors.no_config(scope, config_name)
    variants, ours = [], []
    for row in config["ProductionVariants"]:
        containers = moto.containers(scope, row.get("ModelName", ""))
        if containers is None:
            raise errors.no_model(scope, row.get("ModelName", ""))
        variants.append(_variant(row, containers[0]))
        ours.append(len(containers) == 1 and request.moto.is_model_of_ours(containers[0], request.store.has_artifact))
    return tuple(variants) if any(ours) else None


def _variant(row: JsonObject, container: JsonObject) -> Variant:
    return Variant(
        name=row["VariantName"],
        generation=uuid.uuid4().hex,
        model_name=row["ModelName"],
        image=container.get("Image") or "",
        model_data_url=container.get("ModelDataUrl") or "",
        environment={str(name): str(value) for name, value in (container.get("Environment") or {}).items()},
        weight=float(row.get("InitialVariantWeight", 1.0)),
        instance_type=row.get("InstanceType"),
        count=row.get("InitialInstanceCount", 1),
        serverless=row.get("ServerlessConfig"),
    )


def _retained(variant: Variant, before: tuple[Variant, ...], left_out: set[str]) -> Variant:
    """The variant with weight and count of the one of the same name. Source: API_UpdateEndpoint."""
    old = next((one for one in before if one.name == variant.name), variant)
    weight = variant.weight if WEIGHT in left_out else old.weight
    count = variant.count if COUNT in left_out else old.count
    return replace(variant, weight=weight, count=count)


def _weighed(variant: Variant, row: JsonObject) -> Variant:
    return replace(variant, weight=row.get(WEIGHT, variant.weight), count=row.get(COUNT, variant.count))


def _motos(request: EndpointRequest) -> JsonObject | None:
    """None if moto has the endpoint. Raises ServiceError if there is none."""
    if not request.moto.has_endpoint(request.scope, request.name):
        raise errors.no_endpoint(request.scope, request.name)
    return None


OPERATIONS: dict[str, Callable[[EndpointRequest], JsonObject | None]] = {
    "CreateEndpointConfig": create_endpoint_config,
    "CreateEndpoint": create_endpoint,
    "DescribeEndpoint": describe_endpoint,
    "ListEndpoints": list_endpoints,
    "DeleteEndpoint": delete_endpoint,
    "UpdateEndpoint": update_endpoint,
    "UpdateEndpointWeightsAndCapacities": update_endpoint_weights_and_capacities,
}

LEFT_TO_MOTO = frozenset({"CreateEndpointConfig"})
"""Operations whose requests are not parsed here: moto validates them."""
