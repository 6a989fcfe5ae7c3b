"""Answers the SageMaker operations that the emulator has itself; every other request it leaves to the next handler."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from redis.exceptions import RedisError

from neo_emulator.protocol import aws_json, constraints, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import Context, credential, invocation, new_request_id
from neo_emulator.sagemaker.operations import OPERATIONS, Call, Neighbours, Operation, Submit, is_ours
from neo_workers.jobs import JsonObject, Scope
from neo_workers.settings import Settings
from neo_workers.store.redis_client import is_away
from neo_workers.store.store import Store

STORE_PATIENCE_SECONDS = 2.0
"""How long a repeatable operation waits for a store that is away."""
STORE_PAUSE_SECONDS = 0.05

log = logging.getLogger(__name__)


class SageMaker:
    """A WSGI application that declines (None) what it has no operation for."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        submit: Submit,
        account: Callable[[WSGIEnvironment], str],
        neighbours: Neighbours,
    ) -> None:
        self._neighbours = neighbours
        self._settings = settings
        self._store = store
        self._submit = submit
        self._account = account  # the caller's account id

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        name = aws_json.operation_name(environ)
        if name not in OPERATIONS:
            return None
        body = aws_json.read_body(environ)
        environ["wsgi.input"] = io.BytesIO(body)  # for the next handler, should we decline
        environ["CONTENT_LENGTH"] = str(len(body))
        request_id = new_request_id()
        try:
            request = aws_json.parse(name, body)
            if not is_ours(request):
                return None
            answer = self._answer(name, request, environ, request_id)
            response = aws_json.success(name, answer, request_id)
        except ServiceError as error:
            response = aws_json.failure(error, request_id)
        except Exception:
            log.exception("%s failed", name)
            response = aws_json.failure(errors.internal_failure(), request_id)
        return response.send(start_response)

    def _answer(self, name: str, request: JsonObject, environ: WSGIEnvironment, request_id: str) -> JsonObject:
        constraints.check(request, aws_json.input_shape(name))
        signed = credential(environ)
        region = signed.region if signed else self._settings.region
        context = Context(Scope(self._account(environ), region), request_id, invocation(environ))
        return _run(OPERATIONS[name], Call(request, context, self._store, self._submit, self._neighbours))


def _run(operation: Operation, call: Call) -> JsonObject:
    """The operation's answer. Raises ServiceError; ServiceUnavailable when the store is away for too long."""
    deadline = time.monotonic() + (STORE_PATIENCE_SECONDS if operation.repeatable else 0)
    while True:
        try:
            return operation.run(call)
        except RedisError as err:
            if not is_away(err):
                raise
            if time.monotonic() >= deadline:
                log.warning("the job store does not answer: %s", err)
                raise errors.unavailable() from err
        time.sleep(STORE_PAUSE_SECONDS)
