"""/_neo/endpoints: every endpoint of a compiled model, and whether its artifact or a twin answers."""

from __future__ import annotations

import json

from neo_emulator.protocol.response import Response
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.hosting.endpoints import Endpoint, Variant
from neo_workers.jobs import JsonObject


def endpoints(store: EndpointStore) -> Response:
    """200 with all of them, sorted by name."""
    rows = sorted((_endpoint(one) for one in store.all()), key=lambda row: str(row["name"]))
    return Response(200, json.dumps({"endpoints": rows}).encode(), {"Content-Type": "application/json"})


def _endpoint(endpoint: Endpoint) -> JsonObject:
    return {
        "name": endpoint.id.name,
        "account": endpoint.id.scope.account,
        "region": endpoint.id.scope.region,
        "status": str(endpoint.status),
        "reason": endpoint.failure_reason,
        "variants": [_variant(variant) for variant in (*endpoint.variants, *endpoint.next_variants)],
    }


def _variant(variant: Variant) -> JsonObject:
    return {
        "name": variant.name,
        "model": variant.model_name,
        "artifact": variant.model_data_url,
        "weight": variant.weight,
        "state": str(variant.state),
        "reason": variant.reason,
        "twin": bool(variant.twin_of),
        "twin_of": variant.twin_of,
    }
