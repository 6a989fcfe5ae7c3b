"""Errors of requests that moto answers, rendered in the caller's protocol instead of as a web server's HTML page.

Source of the protocols: awsJson1.1, awsQuery and restXml of Smithy.
"""

from __future__ import annotations

import errno
import gzip
import logging
import os
import re
import sqlite3
import traceback
import zlib
from collections.abc import Iterable
from functools import lru_cache
from wsgiref.types import WSGIEnvironment
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

from neo_emulator.aws.s3.addressing import splits_headers
from neo_emulator.protocol import aws_json, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import context_of
from neo_emulator.protocol.response import Response
from neo_emulator.protocol.service_model import operation_names

SERVICE = "neo_emulator.moto_service"
"""In an environ: the service that moto takes a request for, as moto names it."""
TAG_OPERATIONS = frozenset({"AddTags", "ListTags", "DeleteTags"})

log = logging.getLogger(__name__)


def error_response(environ: WSGIEnvironment, error: ServiceError) -> Response:
    """The error in the caller's protocol: JSON for SageMaker and every other X-Amz-Target, otherwise its service's."""
    context = context_of(environ)
    if "HTTP_X_AMZ_TARGET" in environ or context.service == "sagemaker":
        return aws_json.error_response(error, context.request_id)
    protocol = _protocol(context.service)
    if "json" in protocol:
        return aws_json.error_response(error, context.request_id)
    inner = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    if protocol == "ec2":
        inner = f"<Response><Errors>{inner}</Errors><RequestID>{context.request_id}</RequestID></Response>"
    elif context.service not in ("", "s3"):
        inner = f"<ErrorResponse>{inner}<RequestId>{context.request_id}</RequestId></ErrorResponse>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{_NO_XML.sub("?", inner)}'
    return Response(error.status, text.encode("utf-8", "replace"), {"Content-Type": "application/xml"})


@lru_cache(maxsize=512)
def _protocol(service: str) -> str:
    """The protocol of the service that signs as `service`; "" where botocore does not know it by that name."""
    if service in ("", "s3"):
        return "rest-xml"
    from botocore.exceptions import UnknownServiceError
    from botocore.loaders import Loader

    try:
        return str(Loader().load_service_model(service, "service-2")["metadata"]["protocol"])
    except (UnknownServiceError, ValueError):
        return ""


def of_exception(environ: WSGIEnvironment, err: Exception) -> Response:
    """The response for an exception that moto raised: 400 for a request that its service would refuse, else 501."""
    return error_response(environ, _error(environ, err))


def _error(environ: WSGIEnvironment, err: Exception) -> ServiceError:
    if isinstance(err, sqlite3.OperationalError) or (isinstance(err, OSError) and err.errno in _DISK):
        cause = os.strerror(err.errno) if isinstance(err, OSError) and err.errno else str(err)
        log.error("cannot write to the data folder: %s", cause)
        return errors.cannot_write(cause)
    operation = aws_json.operation_name(environ)
    if operation is not None and operation not in operation_names():
        return errors.unknown_operation(operation)
    if operation in TAG_OPERATIONS and isinstance(err, AttributeError):  # moto looks up tags of None
        return errors.validation("Could not find the resource.")
    if isinstance(err, ValueError) and splits_headers(environ):
        return errors.line_end_in_header()
    from neo_emulator.aws import moto_model

    service = moto_model.service_name(str(environ.get(SERVICE, "")))
    question = moto_model.asked(environ, service)
    if (refusal := moto_model.wrong_region(environ, question, err)) is not None:
        return refusal
    if question is None:
        return errors.unknown_operation(str(environ.get("HTTP_X_AMZ_TARGET") or environ.get("PATH_INFO")))
    if (refusal := moto_model.breach(question)) is not None:
        return refusal
    if (refusal := moto_model.absent(question, err)) is not None:
        return refusal
    if isinstance(err, _UNREADABLE):
        return moto_model.refusal(question, f"A value of the request cannot be read: {err}")
    _log(environ, question.name, err)
    return errors.not_implemented(question.name)


_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What a disk that is full or faulty answers."""
_UNREADABLE = (ValueError, OverflowError, RecursionError, ExpatError, zlib.error, gzip.BadGzipFile)
"""What moto's parsers of documents, numbers, dates and texts within a request raise."""
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_seen: set[tuple[str, str]] = set()


def _log(environ: WSGIEnvironment, name: str, err: Exception) -> None:
    """One traceback for each place in moto that fails on an operation; a line for each later time."""
    last = traceback.extract_tb(err.__traceback__)[-1:]
    place = (name, f"{last[0].filename}:{last[0].lineno}" if last else "")
    first = place not in _seen
    _seen.add(place)
    text = "moto does not implement %s for this request: %s: %s"
    log.error(text, name, type(err).__name__, err, exc_info=err if first else None)


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
    error = errors.unknown_operation(str(environ.get("PATH_INFO")))
    if code >= 500:
        error, code = errors.not_implemented(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO')}"), 501
    return error_response(environ, ServiceError(error.code, error.message, code))
