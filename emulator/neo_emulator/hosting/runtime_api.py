"""SageMaker Runtime's InvokeEndpoint, for endpoints of models that were compiled here.

Source: API_runtime_InvokeEndpoint; botocore's sagemaker-runtime model (rest-json).
"""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIEnvironment

from redis.exceptions import RedisError

from neo_emulator.aws.moto_endpoints import MotoEndpoints
from neo_emulator.hosting.arns import log_group_arn
from neo_emulator.protocol.request_context import context_of, read_body
from neo_emulator.protocol.response import Response
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.hosting.endpoints import SERVING, Endpoint, EndpointId, Variant, log_group
from neo_workers.hosting.invocations import STOPPED, Answer, Invocation, InvocationQueue
from neo_workers.jobs import Scope

PATH = re.compile(r"/endpoints/([^/]+)/(?:async-)?invocations")
ASYNC = "/async-invocations"
MOST_BODY_BYTES = 6_291_456
"""Source: BodyBlob of botocore's model."""
MOST_CUSTOM_CHARS = 1024
GENERATIONS = 3
"""The maximum number of generations that a request is sent to while the endpoint is being updated."""
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")
_HEADERS = "HTTP_X_AMZN_SAGEMAKER_"
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
log = logging.getLogger(__name__)


class InvocationError(Exception):
    """An error of SageMaker Runtime."""

    def __init__(self, code: str, status: int, message: str, **members: object) -> None:
        super().__init__(message)
        self.code, self.status = code, status
        self.members = {"Message": message, **members}


def validation(message: str) -> InvocationError:
    """ValidationError, 400."""
    return InvocationError("ValidationError", 400, message)


class RuntimeApi:
    """A WSGI application; it returns None except for InvokeEndpoint of endpoints that are ours or do not exist."""

    def __init__(
        self,
        store: EndpointStore,
        moto: MotoEndpoints,
        scope: Callable[[WSGIEnvironment], Scope],
        queue: Callable[[], InvocationQueue],
    ) -> None:
        self._store, self._moto, self._scope = store, moto, scope
        self._make_queue = queue
        self._queue: InvocationQueue | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The response to InvokeEndpoint, None for every other request and for moto's endpoints."""
        name = invoked(environ)
        if name is None:
            return None
        request_id = context_of(environ).request_id
        try:
            endpoint = self._endpoint(EndpointId(self._scope(environ), name)) if _NAME.fullmatch(name) else None
            asynchronous = str(environ["PATH_INFO"]).endswith(ASYNC)
            if endpoint is None and (asynchronous or self._is_motos(self._scope(environ), name)):
                return None
            if endpoint is None:
                raise validation(f"Endpoint {name} of account {self._scope(environ).account} not found.")
            if asynchronous:  # moto's canned result would be a wrong one
                raise validation(
                    "neo-emulator does not support InvokeEndpointAsync for models that were compiled here."
                )
            response = self._invoke(endpoint, environ, request_id)
        except InvocationError as error:
            response = _error(error, request_id)
        except RedisError as err:
            log.warning("InvokeEndpoint: the store does not answer: %s", err)
            response = _error(
                InvocationError("ServiceUnavailable", 503, "The endpoint store does not answer."), request_id
            )
        return response.send(start_response)

    def _endpoint(self, endpoint_id: EndpointId) -> Endpoint | None:
        return self._store.get(endpoint_id)

    def _is_motos(self, scope: Scope, name: str) -> bool:
        return self._moto.has_endpoint(scope, name) or self._moto.has_results(scope, name)

    def _invoke(self, endpoint: Endpoint, environ: WSGIEnvironment, request_id: str) -> Response:
        body = read_body(environ)
        _check_headers(environ, body)
        accept = str(environ.get(_HEADERS + "ACCEPT") or environ.get("HTTP_ACCEPT") or "")
        invocation = Invocation(str(environ.get("CONTENT_TYPE") or ""), accept, body)
        target = str(environ.get(_HEADERS + "TARGET_VARIANT") or "")
        for _ in range(GENERATIONS):
            variant = _chosen(endpoint, target)
            answer = self._send(variant, invocation)
            if answer != STOPPED:
                return _answered(endpoint, variant, answer, request_id)
            found = self._endpoint(endpoint.id)
            if found is None:
                raise validation(f"Endpoint {endpoint.id.name} of account {endpoint.id.scope.account} not found.")
            endpoint = found
        raise InvocationError("ServiceUnavailable", 503, "The endpoint was changed while it was invoked. Try again.")

    def _send(self, variant: Variant, invocation: Invocation) -> Answer:
        if self._queue is None:
            self._queue = self._make_queue()
        answer = self._queue.invoke(variant.generation, invocation)
        return answer if answer is not None else Answer(-1, "text/plain", TIMED_OUT.encode())


def invoked(environ: WSGIEnvironment) -> str | None:
    """The endpoint that an InvokeEndpoint request names, None for every other request."""
    match = PATH.fullmatch(str(environ.get("PATH_INFO", "")))
    service = context_of(environ).service
    if match is None or environ["REQUEST_METHOD"] != "POST" or environ.get("QUERY_STRING"):
        return None
    return unquote(match[1]) if service in ("sagemaker", "") else None


def _check_headers(environ: WSGIEnvironment, body: bytes) -> None:
    if len(body) > MOST_BODY_BYTES:
        raise validation(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less "
            f"than or equal to {MOST_BODY_BYTES}"
        )
    custom = str(environ.get(_HEADERS + "CUSTOM_ATTRIBUTES") or "")
    if len(custom) > MOST_CUSTOM_CHARS or not custom.isascii():
        raise validation(
            "1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: Member must have "
            f"length less than or equal to {MOST_CUSTOM_CHARS} and satisfy regular expression pattern: \\p{{ASCII}}*"
        )
    for header, what in (("TARGET_MODEL", "TargetModel"), ("TARGET_CONTAINER_HOSTNAME", "TargetContainerHostname")):
        if environ.get(_HEADERS + header):
            raise validation(f"{what} is for endpoints with several models or containers; this endpoint has one.")


def _chosen(endpoint: Endpoint, target: str) -> Variant:
    """The variant that TargetVariant names, otherwise one chosen by weight."""
    name, account = endpoint.id.name, endpoint.id.scope.account
    if endpoint.status not in SERVING:
        raise validation(f"Endpoint {name} of account {account} is not InService: it is {endpoint.status}.")
    if target:
        found = next((variant for variant in endpoint.variants if variant.name == target), None)
        if found is None:
            raise validation(f"Variant {target} not found for endpoint {name} of account {account}.")
        return found
    weights = [variant.weight for variant in endpoint.variants]
    if not any(weights):
        raise validation(f"All variants of endpoint {name} of account {account} have weight 0.")
    return random.choices(endpoint.variants, weights)[0]


def _answered(endpoint: Endpoint, variant: Variant, answer: Answer, request_id: str) -> Response:
    """The container's response, or a ModelError with its contents."""
    if answer.status == 200:
        headers = {
            "Content-Type": answer.content_type,
            "x-Amzn-Invoked-Production-Variant": variant.name,
            "x-amzn-RequestId": request_id,
        }
        return Response(200, answer.body, headers)
    scope, name = endpoint.id.scope, endpoint.id.name
    status, told = max(answer.status, 0), answer.body.decode(errors="replace")
    whose = "client" if 400 <= status < 500 else "server"
    text = (
        f'Received {whose} error ({status}) from primary with message "{told}". See '
        f"https://{scope.region}.console.aws.amazon.com/cloudwatch/home?region={scope.region}#logEventViewer:"
        f"group={log_group(name)} in account {scope.account} for more information."
    )
    more = {"OriginalStatusCode": status, "OriginalMessage": told, "LogStreamArn": log_group_arn(scope, name)}
    return _error(InvocationError("ModelError", 424, text, **more), request_id)


def _error(error: InvocationError, request_id: str) -> Response:
    headers = {
        "Content-Type": "application/json",
        "x-amzn-RequestId": request_id,
        "x-amzn-ErrorType": error.code,
    }
    return Response(error.status, json.dumps(error.members).encode(), headers)
