"""moto's server as the last handler: S3, STS, IAM and everything else that the emulator does not implement itself.

moto takes 0.6 s to import, so it is imported by `load` or by the first request that needs it.
Source: moto 5.2, moto_server/werkzeug_app.py and core/responses.py; contract tests cover each internal used here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws import moto_errors
from neo_emulator.aws.moto_services import MotoServices
from neo_emulator.http.errors import ClientGone, RequestError
from neo_emulator.protocol import aws_json
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import authorize, context_of, read_body
from neo_workers.jobs import Scope
from neo_workers.settings import Settings

MOTO_ACCOUNT = "123456789012"
"""moto's own default account."""
RESET_PATH = "/moto-api/reset"
_UNSIGNED = {"SageMaker": "sagemaker", "ResourceGroupsTaggingAPI_20170126": "tagging"}
"""Signing names of services that the emulator answers unsigned, by the beginning of X-Amz-Target."""


class Moto:
    """A WSGI application that answers every request. Errors are AWS's, never HTML pages."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._application: Any = None
        self.services = MotoServices(self.load)

    def load(self) -> Any:
        """moto's dispatcher, imported on the first call. It loads each service on the first request to it.

        With a data folder, the state in it is loaded too. Raises the same errors as `Persistence`.
        """
        with self._lock:
            if self._application is None:
                from neo_emulator.aws.moto_dispatch import Dispatcher

                application: Any = Dispatcher()
                if self._settings.data_dir is not None:
                    from neo_emulator.aws.persistence.middleware import Persistence

                    application = Persistence(application, self._settings.data_dir / "moto", self._settings.fsync)
                self._application = application
            return self._application

    def scope(self, environ: WSGIEnvironment) -> Scope:
        """The caller's account, and the region of the request's signature (the default region if unsigned)."""
        credential = context_of(environ).credential
        return Scope(self.account(environ), credential.region if credential else self._settings.region)

    def account(self, environ: WSGIEnvironment) -> str:
        """The caller's account ID by moto's rules: MOTO_ACCOUNT_ID, header x-moto-account-id, or the key's owner."""
        given = os.environ.get("MOTO_ACCOUNT_ID") or str(environ.get("HTTP_X_MOTO_ACCOUNT_ID", ""))
        if given.isdecimal() and len(given) == 12:
            return given
        credential = context_of(environ).credential
        return self._account_of_key(credential.access_key if credential else "")

    def _account_of_key(self, access_key: str) -> str:
        if self._settings.data_dir is not None:
            self.load()  # an earlier run may have issued keys
        iam = sys.modules.get("moto.iam.models")  # not loaded: moto has issued no keys yet
        find = getattr(iam, "get_account_id_from", None)
        known = str(find(access_key)) if find else MOTO_ACCOUNT
        return self._settings.account_id if known == MOTO_ACCOUNT else known

    def answers_unsigned(self, target: str) -> bool:
        """Whether moto knows which service an unsigned request with that X-Amz-Target is for."""
        self.load()
        from moto.moto_server.werkzeug_app import UNSIGNED_REQUESTS

        return target.partition(".")[0] in UNSIGNED_REQUESTS

    def object(self, bucket: str, key: str, most_bytes: int) -> bytes | None:
        """The content of an S3 object of any account; None if it does not exist or is larger than `most_bytes`."""
        from werkzeug.test import Client

        path = f"/{quote(bucket, safe='')}/{quote(key)}"
        headers = {"Authorization": self._authorization("s3")}  # unsigned requests get public objects only
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

            Client(self._application).post(RESET_PATH)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Passes the request to moto. Raises ClientGone or RequestError if its body does not arrive complete."""
        self._adapt(environ)
        started: list[Any] = []
        try:
            body: Iterable[bytes] = self.load()(environ, lambda *status_headers: started.append(status_headers))
            status, headers = started[0][:2]
        except (ClientGone, RequestError):
            raise
        except ServiceError as err:
            return moto_errors.error_response(environ, err).send(start_response)
        except Exception as err:
            return moto_errors.of_exception(environ, err).send(start_response)
        if (error := moto_errors.of_error_page(environ, status, headers, body)) is not None:
            return error.send(start_response)
        start_response(status, headers)
        return body

    def _adapt(self, environ: WSGIEnvironment) -> None:
        """Rewrites parts of a request that moto would misread although AWS accepts them."""
        if aws_json.operation_name(environ) is not None:
            environ["CONTENT_TYPE"] = aws_json.CONTENT_TYPE  # SageMaker ignores the Content-Type, moto does not
        if context_of(environ).credential is None:
            target = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")[0]
            if target in _UNSIGNED:
                authorize(environ, self._authorization(_UNSIGNED[target]))
        authorization = str(environ.get("HTTP_AUTHORIZATION", ""))
        if authorization.startswith("AWS "):  # version 2: moto would parse the slashes as a credential scope
            authorize(environ, authorization.replace("/", "_"))
        read_body(environ)  # moto would read it while it locks all others out, and only once
        if self._settings.account_id != MOTO_ACCOUNT:
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account(environ)

    def _authorization(self, service: str) -> str:
        """An Authorization header for an unsigned request: moto takes the service and the region from it alone."""
        scope = f"unsigned/20000101/{self._settings.region}/{service}/aws4_request"
        return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def keep_underscores(environ: WSGIEnvironment, headers: Mapping[str, str]) -> None:
    """Puts x-amz-meta-* headers with "_" in their names into `environ`; WSGI servers drop them, S3 keeps them.

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
