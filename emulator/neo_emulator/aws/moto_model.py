"""What a request asks of one of moto's services, read as moto reads it, and whether it keeps the service's model.

Only asked about requests that moto failed on: the models of some services take seconds to load.
Source of the codes: "Common Errors" of the services' API references, and S3's "Error responses".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from wsgiref.types import WSGIEnvironment

from botocore.validate import ParamValidator
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from neo_emulator.protocol import constraints, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import context_of, read_body

_GRANT = re.compile(r"""(\s*(id|uri|emailAddress)=("[^"]+"|[^",]+)\s*(,|$))+""")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_LONGEST = 4096
"""Characters of a text that a pattern is tried on: some patterns of the models take exponential time."""
_DATA_ERRORS = (ValueError, OverflowError, RecursionError, LookupError, TypeError, AttributeError)


@dataclass(frozen=True)
class Asked:
    """What moto's router makes of a request."""

    service: str  # as botocore names it
    protocol: str  # "json", "query", "ec2", "rest-json", "rest-xml"
    operation: Any  # moto's OperationModel, None where the model has no such operation
    labels: dict[str, Any]  # parameters in the path and the host
    request: Request

    @property
    def name(self) -> str:
        """The service and the operation, or what was asked for instead of one."""
        named = self.operation.name if self.operation is not None else f"{self.request.method} {self.request.path}"
        return f"{self.service} {named}"


@lru_cache(maxsize=512)
def service_name(backend: str) -> str:
    """botocore's name of a service that moto calls `backend`; "" where botocore has none."""
    from botocore.loaders import Loader

    names = {name.replace("-", ""): name for name in Loader().list_available_services("service-2")}
    known: dict[str, str] = {**names, "awslambda": "lambda"}
    return known.get(backend.replace("-", "").replace("_", ""), "")


def asked(environ: WSGIEnvironment, service: str) -> Asked | None:
    """What a request asks of `service`; None when botocore does not know the service."""
    if not service:
        return None
    read_body(environ)  # from its beginning again
    request = Request(environ)
    model = get_service_model(service)
    try:
        protocol = determine_request_protocol(model, request.content_type)
    except NotImplementedError:
        protocol = str(model.protocol)
    try:
        operation, labels = get_service_router(service).match(request)
    except (NotFound, NotImplementedError):
        operation, labels = _by_target(model, request), {}
    return Asked(service, protocol, operation, labels, request)


def _by_target(model: Any, request: Request) -> Any:
    """The operation of an X-Amz-Target, whatever the Content-Type says."""
    name = str(request.headers.get("X-Amz-Target", "")).rpartition(".")[2]
    return model.operation_model(name) if name in model.operation_names else None


def breach(question: Asked) -> ServiceError | None:
    """The refusal of a request that breaks its service's model; None when it keeps it."""
    if question.operation is None or question.operation.name == "PostObject":  # moto's own, without a shape
        return _no_operation(question)
    shape = question.operation.input_shape
    if shape is None:
        return None
    try:
        given = _parsed(question)
    except _DATA_ERRORS as err:
        return _unreadable(question, err)
    except Exception as err:  # moto's own RequestParserError, botocore's
        return _unreadable(question, err)
    report = ParamValidator().validate(given, shape)
    if report.has_errors():
        return refusal(question, report.generate_report())
    try:
        constraints.check(_shortened(given), shape)
    except ServiceError as err:
        return refusal(question, err.message)
    except (re.error, *_DATA_ERRORS):
        return None  # a pattern that Python cannot read
    if question.service == "s3" and (loose := _other_subresources(question)):
        return ServiceError("InvalidArgument", f"The parameters of {', '.join(loose)} are missing or of no use here.")
    grants = [value for name, value in question.request.headers if name.lower().startswith("x-amz-grant-")]
    if question.service == "s3" and not all(_GRANT.fullmatch(value) for value in grants):
        return ServiceError("InvalidArgument", "Argument format not recognized")
    return None


def _other_subresources(question: Asked) -> list[str]:
    """Subresources in an S3 request's query which the operation that its other parameters make of it does not have."""

    def named(operation: Any) -> set[str]:
        uri = operation.http["requestUri"].partition("?")[2]
        return {pair.partition("=")[0] for pair in uri.split("&")} - {""}

    model = question.operation.service_model
    known = set().union(*(named(model.operation_model(name)) for name in model.operation_names))
    own = {member.serialization.get("name") for member in question.operation.input_shape.members.values()}
    return sorted(known & set(question.request.args) - named(question.operation) - own)


def absent(question: Asked, err: Exception) -> ServiceError | None:
    """The refusal of a request that names what moto does not have, where moto does not refuse it; else None.

    Only for a request that keeps its model: what it names is looked for in its parameters.
    """
    if not isinstance(err, KeyError) or not err.args or question.operation.input_shape is None:
        return None
    if str(err.args[0]) in _texts(_parsed(question)):
        return refusal(question, f"There is no {err.args[0]}.")
    return None


def _texts(value: Any) -> set[str]:
    """Every text in the values of a parsed request, and their last parts, of which ARNs and paths are made."""
    if isinstance(value, dict):
        return set().union(*map(_texts, value.values()))
    if isinstance(value, list):
        return set().union(*map(_texts, value))
    return {value, re.split("[/:]", value)[-1]} if isinstance(value, str) and value else set()


def _parsed(question: Asked) -> Any:
    request, operation = question.request, question.operation
    if question.protocol in ("json", "rest-json") and "payload" not in operation.input_shape.serialization:
        document = json.loads(request.get_data() or b"{}")
        if not isinstance(document, dict):
            raise ValueError("the body is not a JSON object")
        _check_json(document, operation.input_shape, question.protocol)
    parser = PROTOCOL_PARSERS[question.protocol](operation)
    return parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": question.labels,
        }
    )


_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int, float),
    "long": (int, float),
    "float": (int, float, str),
    "double": (int, float, str),
    "timestamp": (int, float, str),
}


def _check_json(value: Any, shape: Any, protocol: str) -> None:
    """Raises ValueError for a member of another JSON type than the model's; moto's parser takes nearly all."""
    kind = shape.type_name
    if value is None or getattr(shape, "is_document_type", False) or kind not in _JSON_TYPES:
        return
    allowed: Any = _JSON_TYPES[kind]
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind != "boolean"):
        raise ValueError(f"{type(value).__name__} can not be converted to {kind}")
    if kind == "structure":
        for name, member in shape.members.items():
            if protocol == "json" or "location" not in member.serialization:
                _check_json(value.get(member.serialization.get("name", name)), member, protocol)
    elif kind == "list":
        for item in value:
            _check_json(item, shape.member, protocol)
    elif kind == "map":
        for item in value.values():
            _check_json(item, shape.value, protocol)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    return value[:_LONGEST] if isinstance(value, str) else value


def _no_operation(question: Asked) -> ServiceError:
    request = question.request
    if question.service == "s3":
        return _no_s3_operation(request)
    if question.protocol in ("query", "ec2"):
        name = str(request.values.get("Action", ""))
        if not name:
            return ServiceError("MissingAction", "The request must contain the parameter Action.")
        return ServiceError("InvalidAction", f"The action {name} is not valid for this web service.")
    return errors.unknown_operation(question.name)


def _no_s3_operation(request: Request) -> ServiceError:
    if request.method == "POST" and request.path.count("/") == 1:
        if request.mimetype != "multipart/form-data":
            return ServiceError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412
            )
        return ServiceError("InvalidArgument", "Bucket POST must contain a field named 'key'.")
    return ServiceError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)


def _unreadable(question: Asked, err: Exception) -> ServiceError:
    """The refusal of a request that moto's parser cannot read."""
    if question.service == "s3":
        for name, value in _integers(question):
            if not _INTEGER.fullmatch(value):
                text = f"Provided {name} not an integer or within integer range"
                return ServiceError("InvalidArgument", text)
    if question.protocol == "rest-xml":
        text = "The XML you provided was not well-formed or did not validate against our published schema"
        return ServiceError("MalformedXML", text)
    if question.protocol in ("json", "rest-json"):
        text = str(err) if isinstance(err, ValueError) and not isinstance(err, json.JSONDecodeError) else ""
        return errors.serialization(text or "The request body is not valid JSON.")
    return ServiceError("MalformedInput", f"The request cannot be read: {err}")


def _integers(question: Asked) -> list[tuple[str, str]]:
    """The numbers that a REST request has in its query and headers, by name."""
    request, found = question.request, []
    for member in question.operation.input_shape.members.values():
        location, name = member.serialization.get("location"), member.serialization.get("name", "")
        if member.type_name in ("integer", "long") and location in ("querystring", "header"):
            value = (request.args if location == "querystring" else request.headers).get(name)
            found += [(name, value)] if value is not None else []
    return found


def refusal(question: Asked, text: str) -> ServiceError:
    """The refusal of a request with values that the model does not allow."""
    if question.service == "s3":
        return ServiceError("InvalidArgument", text)
    codes = {"query": "ValidationError", "ec2": "InvalidParameterValue", "rest-xml": "InvalidArgument"}
    return ServiceError(codes.get(question.protocol, "ValidationException"), text)


def wrong_region(environ: WSGIEnvironment, question: Asked | None, err: Exception) -> ServiceError | None:
    """The refusal of a request that is signed for a region that its service does not have."""
    credential = context_of(environ).credential
    if credential is None or not isinstance(err, KeyError) or err.args != (credential.region,):
        return None
    text = f"Credential should be scoped to a valid region, not '{credential.region}'."
    if credential.service == "s3":
        return ServiceError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {text}")
    as_json = question is not None and "json" in question.protocol
    return ServiceError(
        "InvalidSignatureException" if as_json else "SignatureDoesNotMatch", text, 400 if as_json else 403
    )
