"""S3, STS, IAM and all else that the emulator does not answer itself. Only this file and durable/ import moto.

moto takes 0.6 s to import, so nothing of it is loaded before the first request that needs it, or `load`.
Source of what is used here: moto 5.2, moto_server/werkzeug_app.py and core/responses.py; a contract test covers each.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment
from xml.sax.saxutils import escape

from neo_emulator.aws.s3.addressing import splits_headers
from neo_emulator.aws.s3.public_access import Openness
from neo_emulator.http.errors import ClientGone, RequestError
from neo_emulator.protocol import aws_json, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import credential, new_request_id
from neo_workers.jobs import JsonObject, Scope
from neo_workers.settings import Settings

MOTO_ACCOUNT = "123456789012"  # moto's own default
TAG_OPERATIONS = frozenset({"AddTags", "ListTags", "DeleteTags"})

log = logging.getLogger(__name__)


class Moto:
    """moto's server as a WSGI application that never answers an API call with an HTML page."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._application: Any = None

    def load(self) -> Any:
        """moto's dispatcher, imported on the first call. It loads each service when that is first asked for.

        With a data folder, what that holds is loaded too; raises what `Durable` raises.
        """
        with self._lock:
            if self._application is None:
                from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

                application = DomainDispatcherApplication(create_backend_app)
                if self._settings.data_dir is not None:
                    from neo_emulator.aws.persistence.middleware import Durable

                    application = Durable(application, self._settings.data_dir / "moto", self._settings.fsync)
                self._application = application
            return self._application

    def account(self, environ: WSGIEnvironment) -> str:
        """The caller's account id, found as moto finds it: fixed by MOTO_ACCOUNT_ID, sent, or that of a known key."""
        given = os.environ.get("MOTO_ACCOUNT_ID") or str(environ.get("HTTP_X_MOTO_ACCOUNT_ID", ""))
        if given.isdecimal() and len(given) == 12:
            return given
        signed = credential(environ)
        return self._account_of_key(signed.access_key if signed else "")

    def _account_of_key(self, access_key: str) -> str:
        if self._settings.data_dir is not None:
            self.load()  # an earlier run may have given keys out
        iam = sys.modules.get("moto.iam.models")  # not loaded: moto has given no keys out yet
        find = getattr(iam, "get_account_id_from", None)
        known = str(find(access_key)) if find else MOTO_ACCOUNT
        return self._settings.account_id if known == MOTO_ACCOUNT else known

    def answers_unsigned(self, target: str) -> bool:
        """Whether moto knows which service an unsigned request with that X-Amz-Target is for."""
        self.load()
        from moto.moto_server.werkzeug_app import UNSIGNED_REQUESTS

        return target.partition(".")[0] in UNSIGNED_REQUESTS

    def uses(self, service: str) -> bool:
        """Whether anyone has called `service` ("logs", "events", ...) since the start."""
        return f"moto.{service}.models" in sys.modules

    def _backend(self, service: str, scope: Scope) -> Any:
        from moto.backends import get_backend

        self.load()
        return get_backend(service)[scope.account][scope.region]

    def put_event(self, scope: Scope, event: JsonObject) -> None:
        """Gives EventBridge's default bus one entry of PutEvents."""
        backend = self._backend("events", scope)
        _name_the_account_in_events()
        backend.put_events([event])

    def put_lines(self, scope: Scope, group: str, stream: str, events: list[JsonObject]) -> None:
        """Adds log events to a CloudWatch Logs stream, made if need be."""
        logs = self._backend("logs", scope)
        if group not in logs.groups:
            logs.create_log_group(group, {})
        if stream not in logs.groups[group].streams:
            logs.create_log_stream(group, stream)
        logs.put_log_events(group, stream, events)

    def model_package(self, scope: Scope, arn: str) -> JsonObject | None:
        """The InferenceSpecification of a model package, None when there is no such package."""
        packages = self._backend("sagemaker", scope).model_packages.values()
        return next((package.inference_specification or {} for package in packages if package.arn == arn), None)

    def secret_of(self, access_key: str) -> tuple[str, str] | None:
        """Secret and session token ("" for a user's key) of a key that moto's IAM or STS gave out, None for another."""
        given: list[Any] = []
        if self.uses("iam"):
            for backend in self._every("iam"):
                given += [key for user in backend.users.values() for key in user.access_keys]
        if self.uses("sts"):
            for backend in self._every("sts"):
                given += backend.assumed_roles
        for key in given:
            if key.access_key_id == access_key:
                return key.secret_access_key, getattr(key, "session_token", "")
        return None

    def _every(self, service: str) -> list[Any]:
        from moto.backends import get_backend

        return [backend for regions in get_backend(service).values() for backend in regions.values()]

    def _bucket(self, name: str) -> Any:
        self.load()
        from moto.s3.models import s3_backends

        owner = s3_backends.bucket_accounts.get(name)
        return s3_backends[owner[1]][owner[0]].buckets.get(name) if owner else None

    def has_cors_rules(self, bucket: str) -> bool:
        """Whether a bucket has a CORS configuration; False for an unknown one."""
        found = self._bucket(bucket)
        return found is not None and bool(found.cors)

    def openness(self, bucket: str, key: str) -> Openness | None:
        """What a bucket, and an object in it, leave open to all users; None for an unknown bucket."""
        found = self._bucket(bucket)
        if found is None:
            return None
        from moto.s3 import models as s3

        item = found.keys.get(key) if key else None

        def grants(acl: Any) -> frozenset[str]:
            rows = acl.grants if acl else []
            return frozenset(p for row in rows if s3.ALL_USERS_GRANTEE in row.grantees for p in row.permissions)

        block, enforced = found.public_access_block, found.ownership_rule == "BucketOwnerEnforced"
        return Openness(
            partition=found.partition,
            policy=found.policy.decode() if found.policy else "",
            bucket_grants=grants(found.acl),
            object_grants=grants(item.acl) if item is not None else None,
            ignores_acls=enforced or bool(block and block.ignore_public_acls),
            restricts_policy=bool(block and block.restrict_public_buckets),
        )

    def trusts_sagemaker(self, role_arn: str) -> bool:
        """Whether a role exists and lets sagemaker.amazonaws.com assume it."""
        from moto.backends import get_backend

        partition, account = role_arn.split(":")[1], role_arn.split(":")[4]
        roles = get_backend("iam")[account][partition].roles.values()
        document = next((str(role.assume_role_policy_document) for role in roles if role.arn == role_arn), "")
        return "sagemaker.amazonaws.com" in document

    def object(self, bucket: str, key: str, most_bytes: int) -> bytes | None:
        """An object of S3, whoever owns it; None when there is none, it is larger, or S3 is elsewhere."""
        from werkzeug.test import Client

        path = f"/{quote(bucket, safe='')}/{quote(key)}"
        headers = {"Authorization": self._signature("s3")}  # without one moto gives public objects alone
        with Client(self).get(path, headers=headers, buffered=False) as answer:
            if answer.status_code != 200 or (answer.content_length or 0) > most_bytes:
                return None
            return answer.get_data()

    def reset(self) -> None:
        """Empties every moto backend, on disk too."""
        if self._settings.data_dir is not None:
            self.load()
        if self._application is not None:
            from werkzeug.test import Client

            Client(self._application).post("/moto-api/reset")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        operation = aws_json.operation_name(environ)
        if operation is not None:
            environ["CONTENT_TYPE"] = aws_json.CONTENT_TYPE  # SageMaker minds no other, moto does
            if credential(environ) is None:
                environ["HTTP_AUTHORIZATION"] = self._signature("sagemaker")
        if environ.get("HTTP_AUTHORIZATION", "").startswith("AWS "):  # version 2: moto takes slashes for a scope's
            environ["HTTP_AUTHORIZATION"] = environ["HTTP_AUTHORIZATION"].replace("/", "_")
        if credential(environ) is None and aws_json.is_form(environ):
            environ["wsgi.input"] = io.BytesIO(
                aws_json.read_body(environ)
            )  # moto reads it while it locks all others out
        if self._settings.account_id != MOTO_ACCOUNT:
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account(environ)
        answer: list[Any] = []
        try:
            body: Iterable[bytes] = self.load()(environ, lambda *status_headers: answer.append(status_headers))
            status, headers = answer[0][:2]
        except (ClientGone, RequestError):
            raise
        except Exception as err:
            return _failed(environ, operation, err).send(start_response)
        if (page := _error_page(environ, status, headers, body)) is not None:
            return page.send(start_response)
        start_response(status, headers)
        return body

    def _signature(self, service: str) -> str:
        # moto finds service and region of a request nowhere else
        scope = f"unsigned/20000101/{self._settings.region}/{service}/aws4_request"
        return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def _failed(environ: WSGIEnvironment, operation: str | None, err: Exception) -> aws_json.Response:
    if operation is not None and operation not in aws_json.operation_names():
        return render(environ, errors.unknown_operation(operation))
    if isinstance(err, NotImplementedError) or type(err).__name__ == "OperationNotFoundError":  # botocore's
        target = operation or str(environ.get("HTTP_X_AMZ_TARGET") or environ.get("PATH_INFO"))
        return render(environ, errors.unknown_operation(target))
    if operation in TAG_OPERATIONS and isinstance(err, AttributeError):  # moto looks up tags of None
        return render(environ, errors.validation("Could not find the resource."))
    if isinstance(err, ValueError) and splits_headers(environ):
        return render(environ, errors.line_end_in_header())
    log.error("moto failed on %s %s", environ["REQUEST_METHOD"], environ.get("PATH_INFO"), exc_info=err)
    return render(environ, errors.internal_failure())


def _error_page(
    environ: WSGIEnvironment, status: str, headers: list[tuple[str, str]], body: Iterable[bytes]
) -> aws_json.Response | None:
    """An AWS error in place of a web server's error page; None when the answer is no such page."""
    code = int(status.split()[0])
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    if code < 400 or environ["REQUEST_METHOD"] == "HEAD" or not kind.startswith("text/html"):
        return None
    page = b"".join(body)
    signed = credential(environ)
    empty = not page and signed is not None and signed.service == "sagemaker"
    if code == 403 and not page:  # S3's, of an object that is not public
        return render(environ, ServiceError("AccessDenied", "Access Denied", 403))
    if not empty and not page.lstrip().lower().startswith(b"<!doctype html"):
        return aws_json.Response(code, page, {n: v for n, v in headers if n.lower() != "content-length"})
    error = errors.internal_failure() if code >= 500 else errors.unknown_operation(str(environ.get("PATH_INFO")))
    return render(environ, ServiceError(error.code, error.message, code))


def _name_the_account_in_events() -> None:
    """Lets events that a rule passes on whole say their `account`, as EventBridge's do; moto's template has none."""
    from moto.events.models import EventTemplateParser

    template = EventTemplateParser.DEFAULT_EVENT_INPUT_TEMPLATE
    if "<account>" not in template:
        EventTemplateParser.DEFAULT_EVENT_INPUT_TEMPLATE = template.replace("{", '{"account": "<account>", ', 1)


def render(environ: WSGIEnvironment, error: ServiceError) -> aws_json.Response:
    """The error in the caller's protocol: JSON for SageMaker and every other X-Amz-Target, else XML."""
    request_id = new_request_id()
    signed = credential(environ)
    if "HTTP_X_AMZ_TARGET" in environ or (signed is not None and signed.service == "sagemaker"):
        return aws_json.failure(error, request_id)
    inner = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    if signed is not None and signed.service != "s3":
        inner = f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}'
    return aws_json.Response(error.status, text.encode(), {"Content-Type": "application/xml"})


def keep_underscores(environ: WSGIEnvironment, headers: Mapping[str, str]) -> None:
    """Puts x-amz-meta-* headers with "_" in their names into `environ`; WSGI servers drop them, S3 does not.

    Source: MotoRequestHandler of moto_server/werkzeug_app.py.
    """
    names = [name for name in headers if name.lower().startswith("x-amz-meta-") and "_" in name]
    if not names:
        return
    from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, environ_key_for_header

    kept = {environ_key_for_header(name): name for name in names}
    spelt_with_dashes = {environ_key_for_header(name) for name in headers if "_" not in name}
    for key, name in kept.items():
        if key not in spelt_with_dashes:
            environ[key] = headers[name].replace("\r\n", "")
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = {k: n for k, n in kept.items() if k not in spelt_with_dashes}
