"""Refuses requests for SageMaker operations that do not exist and for unknown services in X-Amz-Target.

moto would treat such requests as S3's, or fail on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.protocol import aws_json, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import context_of
from neo_emulator.protocol.service_model import operation_names


class Unroutable:
    """A handler that refuses unroutable requests, and declines (None) those that moto can answer."""

    def __init__(self, answers_unsigned: Callable[[str], bool]) -> None:
        self._answers_unsigned = answers_unsigned  # whether moto knows the service of an unsigned X-Amz-Target

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
        """An error response in JSON, or None for a request that moto can answer."""
        error = self._error(environ)
        if error is None:
            return None
        return aws_json.error_response(error, context_of(environ).request_id).send(start_response)

    def _error(self, environ: WSGIEnvironment) -> ServiceError | None:
        target, context = str(environ.get("HTTP_X_AMZ_TARGET", "")), context_of(environ)
        at_root = environ.get("PATH_INFO", "/") in ("", "/")
        if target.lower().startswith("sagemaker") or (context.service == "sagemaker" and at_root):
            name = aws_json.operation_name(environ)
            known = name is not None and name in operation_names()
            return None if known else errors.unknown_operation(name or f"{environ['REQUEST_METHOD']} {target}".strip())
        if target and context.credential is None and "Signature=" not in str(environ.get("QUERY_STRING", "")):
            return None if self._answers_unsigned(target) else errors.missing_token()
        return None
