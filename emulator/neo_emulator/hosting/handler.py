"""A handler for SageMaker operations of which some requests are answered here and the others by moto."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar
from wsgiref.types import StartResponse, WSGIEnvironment

from redis.exceptions import RedisError

from neo_emulator.protocol import aws_json, constraints, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import context_of, read_body
from neo_emulator.protocol.service_model import input_shape
from neo_workers.jobs import JsonObject, Scope
from neo_workers.store.redis_client import is_away

R = TypeVar("R")
log = logging.getLogger(__name__)


class OperationsHandler(Generic[R]):
    """A WSGI application for a table of operations; it declines (None) other requests and those that moto answers."""

    def __init__(
        self,
        operations: Mapping[str, Callable[[R], JsonObject | None]],
        request: Callable[[JsonObject, Scope], R],
        scope: Callable[[WSGIEnvironment], Scope],
        left_to_moto: frozenset[str] = frozenset(),
    ) -> None:
        self._operations = operations
        self._request = request  # from the members and the caller's scope
        self._scope = scope  # the caller's account and region
        self._left_to_moto = left_to_moto  # not parsed and not checked here

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The operation's response, or None."""
        name = aws_json.operation_name(environ)
        if name is None or name not in self._operations:
            return None
        request_id = context_of(environ).request_id
        try:
            members: JsonObject = {}
            if name not in self._left_to_moto:
                members = aws_json.parse_request(name, read_body(environ))
                constraints.check(members, input_shape(name))
            answer = self._operations[name](self._request(members, self._scope(environ)))
            if answer is None:
                return None
            response = aws_json.success_response(name, answer, request_id)
        except ServiceError as error:
            response = aws_json.error_response(error, request_id)
        except RedisError as err:
            log.warning("%s: the store does not answer: %s", name, err)
            told = errors.unavailable() if is_away(err) else errors.internal_failure()
            response = aws_json.error_response(told, request_id)
        except Exception:
            log.exception("%s failed", name)
            response = aws_json.error_response(errors.internal_failure(), request_id)
        return response.send(start_response)
