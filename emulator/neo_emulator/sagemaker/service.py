"""The handler for the SageMaker operations that the emulator implements; it declines all other requests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from redis.exceptions import RedisError

from neo_emulator.protocol import aws_json, constraints, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import RequestContext, context_of, read_body
from neo_emulator.protocol.service_model import input_shape
from neo_emulator.sagemaker.operations import OPERATIONS, Operation, OperationRequest, OtherServices, Publish, is_ours
from neo_workers.jobs import JsonObject, Scope
from neo_workers.settings import Settings
from neo_workers.store.redis_client import is_away
from neo_workers.store.store import Store

STORE_PATIENCE_SECONDS = 2.0
"""How long a repeatable operation waits for an unavailable store."""
STORE_PAUSE_SECONDS = 0.05

log = logging.getLogger(__name__)


class SageMaker:
    """A handler for the operations in `operations.py`; it declines (None) all other requests."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        publish: Publish,
        scope: Callable[[WSGIEnvironment], Scope],
        other_services: OtherServices,
    ) -> None:
        self._settings = settings
        self._store = store
        self._publish = publish
        self._scope = scope  # the caller's account and region
        self._other_services = other_services

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The operation's response or error as awsJson1.1, or None."""
        name = aws_json.operation_name(environ)
        if name not in OPERATIONS:
            return None
        context = context_of(environ)
        body = read_body(environ)
        try:
            members = aws_json.parse_request(name, body)
            if not is_ours(members):
                return None
            constraints.check(members, input_shape(name))
            request = self._request(members, self._scope(environ), context)
            response = aws_json.success_response(name, _run(OPERATIONS[name], request), context.request_id)
        except ServiceError as error:
            response = aws_json.error_response(error, context.request_id)
        except Exception:
            log.exception("%s failed", name)
            response = aws_json.error_response(errors.internal_failure(), context.request_id)
        return response.send(start_response)

    def _request(self, members: JsonObject, scope: Scope, context: RequestContext) -> OperationRequest:
        return OperationRequest(
            members=members,
            scope=scope,
            invocation=context.invocation,
            settings=self._settings,
            store=self._store,
            publish=self._publish,
            other_services=self._other_services,
        )


def _run(operation: Operation, request: OperationRequest) -> JsonObject:
    """The members of the operation's response.

    Raises ServiceError; it is ServiceUnavailable if the store is unavailable for too long.
    """
    deadline = time.monotonic() + (STORE_PATIENCE_SECONDS if operation.repeatable else 0)
    while True:
        try:
            return operation.run(request)
        except RedisError as err:
            if not is_away(err):
                raise
            if time.monotonic() >= deadline:
                log.warning("the job store does not respond: %s", err)
                raise errors.unavailable() from err
        time.sleep(STORE_PAUSE_SECONDS)
