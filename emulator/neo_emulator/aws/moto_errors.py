"""Errors of requests that moto answers, rendered in the caller's protocol instead of as a web server's HTML page.

Source of the protocols: awsJson1.1, awsQuery and restXml of Smithy.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from wsgiref.types import WSGIEnvironment
from xml.sax.saxutils import escape

from neo_emulator.aws.s3.addressing import splits_headers
from neo_emulator.protocol import aws_json, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import context_of
from neo_emulator.protocol.response import Response
from neo_emulator.protocol.service_model import operation_names

TAG_OPERATIONS = frozenset({"AddTags", "ListTags", "DeleteTags"})

log = logging.getLogger(__name__)


def error_response(environ: WSGIEnvironment, error: ServiceError) -> Response:
    """The error in the caller's protocol: JSON for SageMaker and every other X-Amz-Target, otherwise XML."""
    context = context_of(environ)
    if "HTTP_X_AMZ_TARGET" in environ or context.service == "sagemaker":
        return aws_json.error_response(error, context.request_id)
    inner = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    if context.service not in ("", "s3"):
        inner = f"<ErrorResponse>{inner}<RequestId>{context.request_id}</RequestId></ErrorResponse>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}'
    return Response(error.status, text.encode(), {"Content-Type": "application/xml"})


def of_exception(environ: WSGIEnvironment, err: Exception) -> Response:
    """The response for an exception that moto raised; UnknownOperationException for what moto does not implement."""
    operation = aws_json.operation_name(environ)
    if operation is not None and operation not in operation_names():
        return error_response(environ, errors.unknown_operation(operation))
    if isinstance(err, NotImplementedError) or type(err).__name__ == "OperationNotFoundError":  # botocore's
        target = operation or str(environ.get("HTTP_X_AMZ_TARGET") or environ.get("PATH_INFO"))
        return error_response(environ, errors.unknown_operation(target))
    if operation in TAG_OPERATIONS and isinstance(err, AttributeError):  # moto looked up the tags of None
        return error_response(environ, errors.validation("Could not find the resource."))
    if isinstance(err, ValueError) and splits_headers(environ):
        return error_response(environ, errors.line_end_in_header())
    log.error("moto failed on %s %s", environ["REQUEST_METHOD"], environ.get("PATH_INFO"), exc_info=err)
    return error_response(environ, errors.internal_failure())


def of_error_page(
    environ: WSGIEnvironment, status: str, headers: list[tuple[str, str]], body: Iterable[bytes]
) -> Response | None:
    """An AWS error in place of an HTML error page; None when the response is not such a page."""
    code = int(status.split()[0])
    content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
    if code < 400 or environ["REQUEST_METHOD"] == "HEAD" or not content_type.startswith("text/html"):
        return None
    page = b"".join(body)
    empty = not page and context_of(environ).service == "sagemaker"
    if code == 403 and not page:  # S3's response for an object that is not public
        return error_response(environ, ServiceError("AccessDenied", "Access Denied", 403))
    if not empty and not page.lstrip().lower().startswith(b"<!doctype html"):
        return Response(code, page, {n: v for n, v in headers if n.lower() != "content-length"})
    error = errors.internal_failure() if code >= 500 else errors.unknown_operation(str(environ.get("PATH_INFO")))
    return error_response(environ, ServiceError(error.code, error.message, code))
