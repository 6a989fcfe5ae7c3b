"""Parses and renders awsJson1.1 by botocore's sagemaker model.

Source: the awsJson1_1 protocol of Smithy, and the recordings of 2024-04-16.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import WSGIEnvironment

from neo_emulator.protocol import errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.response import Response
from neo_emulator.protocol.service_model import input_shape, output_shape
from neo_workers.jobs import JsonObject

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET_PREFIX = "SageMaker."


def operation_name(environ: WSGIEnvironment) -> str | None:
    """The SageMaker operation that a request, signed or not, calls; None if it is for another service."""
    target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
    if environ.get("REQUEST_METHOD") != "POST" or not target.startswith(TARGET_PREFIX):
        return None
    return target[len(TARGET_PREFIX) :]


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)  # by default Python accepts NaN and Infinity


def parse_request(operation: str, body: bytes) -> JsonObject:
    """The members of a request that the model has, without null values; timestamps as aware UTC datetimes.

    Raises ServiceError (SerializationException) if it is not a JSON object or a member has the wrong JSON type.
    """
    try:
        text = body.decode("utf-8-sig")
        document = _JSON.decode(text) if text.strip() else {}
    except (ValueError, RecursionError) as err:
        raise errors.serialization("The request body is not valid JSON.") from err
    members = _structure(document, input_shape(operation))
    assert isinstance(members, dict)
    return members


_STARTS: dict[type, str] = {dict: "structure or map", list: "list"}
_TOKENS: dict[type, str] = {str: "STRING_VALUE", bool: "BOOLEAN_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}


def _wrong_type(value: object, wanted: str) -> ServiceError:
    """Source of the texts: the JSON reader of AWS's Java services, as quoted in public issues."""
    start = _STARTS.get(type(value))
    if start:
        return errors.serialization(f"Start of {start} found where not expected.")
    return errors.serialization(f"{_TOKENS.get(type(value), 'Value')} can not be converted to {wanted}")


def _structure(value: object, shape: Any) -> object:
    if not isinstance(value, dict):
        raise errors.serialization("Unexpected value type in payload")
    members = shape.members
    return {
        name: READERS[members[name].type_name](given, members[name])
        for name, given in value.items()
        if given is not None and name in members
    }


def _list(value: object, shape: Any) -> object:
    if not isinstance(value, list):
        raise errors.serialization("Expected list or null")
    member = shape.member
    read = READERS[member.type_name]
    return [None if item is None else read(item, member) for item in value]


def _map(value: object, shape: Any) -> object:
    if not isinstance(value, dict):
        raise errors.serialization("Unexpected value type in payload")
    read = READERS[shape.value.type_name]
    return {key: read(item, shape.value) for key, item in value.items() if item is not None}


def _string(value: object, shape: Any) -> object:
    if not isinstance(value, str):
        raise _wrong_type(value, "a String")
    return value


def _integer(value: object, shape: Any) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 31) <= value < 1 << 31:
        raise _wrong_type(value, "an Integer")
    return value


def _boolean(value: object, shape: Any) -> object:
    if not isinstance(value, bool):
        raise _wrong_type(value, "a Boolean")
    return value


def _float(value: object, shape: Any) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(value, "a Float")
    return float(value)


def _timestamp(value: object, shape: Any) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong_type(value, "a Timestamp")
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as err:
        raise _wrong_type(value, "a Timestamp") from err


READERS: dict[str, Callable[[object, Any], object]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "boolean": _boolean,
    "float": _float,
    "timestamp": _timestamp,
}
"""Parsers by botocore's type names, for all types in the operations that are answered here (a test checks it)."""


def success_response(operation: str, members: JsonObject, request_id: str) -> Response:
    """200 with `members` as JSON, datetimes as epoch seconds; an empty body if the model has no output."""
    body = b"" if output_shape(operation) is None else json.dumps(members, default=_epoch_seconds).encode()
    return Response(200, body, {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id})


def error_response(error: ServiceError, request_id: str) -> Response:
    """The error as AWS sends it: JSON with __type, and the header x-amzn-errortype."""
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id, "x-amzn-ErrorType": error.code}
    return Response(error.status, json.dumps({"__type": error.code, error.member: error.message}).encode(), headers)


def _epoch_seconds(value: object) -> float:
    if not isinstance(value, datetime):
        raise TypeError(f"cannot serialize {value!r}")
    return round(value.timestamp(), 3)


def is_form(environ: WSGIEnvironment) -> bool:
    """Whether the body is a URL-encoded form, as in AWS's query protocol."""
    return str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")
