"""Handles the operations on endpoints whose models were compiled here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from redis.exceptions import RedisError

from neo_emulator.aws.moto_endpoints import MotoEndpoints
from neo_emulator.hosting.operations import LEFT_TO_MOTO, OPERATIONS, EndpointRequest
from neo_emulator.protocol import aws_json, constraints, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import context_of, read_body
from neo_emulator.protocol.service_model import input_shape
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.jobs import JsonObject, Scope
from neo_workers.store.redis_client import is_away

log = logging.getLogger(__name__)


class Endpoints:
    """A WSGI application; it returns None for other operations and for requests that moto answers."""

    def __init__(self, store: EndpointStore, moto: MotoEndpoints, scope: Callable[[WSGIEnvironment], Scope]) -> None:
        self._store, self._moto = store, moto
        self._scope = scope  # the caller's account and region

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """The operation's response, None if moto is to respond."""
        name = aws_json.operation_name(environ)
        if name not in OPERATIONS:
            return None
        request_id = context_of(environ).request_id
        try:
            members: JsonObject = {}
            if name not in LEFT_TO_MOTO:
                members = aws_json.parse_request(name, read_body(environ))
                constraints.check(members, input_shape(name))
            answer = OPERATIONS[name](EndpointRequest(members, self._scope(environ), self._store, self._moto))
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
