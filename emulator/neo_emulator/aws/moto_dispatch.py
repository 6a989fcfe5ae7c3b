"""moto's dispatcher, which says what service it takes a request for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import BackendRequest, DomainDispatcherApplication

from neo_emulator.aws import moto_buffers
from neo_emulator.aws.moto_errors import SERVICE
from neo_emulator.aws.s3 import payload
from neo_emulator.aws.s3.addressing import to_path_style
from neo_emulator.aws.signing.judged import JUDGED, Judged
from neo_emulator.protocol.errors import ServiceError

RESET_PATH = "/moto-api/reset"


class S3Request(BackendRequest):  # type: ignore[misc]
    """A request to S3, whose body is a form only where a browser posts a file; else moto would lose an object's bytes
    to the parser of forms, and take parameters out of them."""

    @property
    def want_form_data_parsed(self) -> bool:
        """Whether werkzeug parses the body as a form."""
        return bool(self.method == "POST" and self.mimetype == "multipart/form-data")


def _create_app(service: Any) -> Any:
    app = werkzeug_app.create_backend_app(service)
    if service == "s3":
        app.request_class = S3Request
    return app


def _is_for(judged: str, service: str) -> bool:
    """Whether moto's service is the one that a request was judged for; paths can lead moto elsewhere."""
    if service in ("s3", "s3control") or judged in ("s3", "s3control"):
        return judged == service
    return service not in ("moto_api", "instance_metadata")


class Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's WSGI application for all services."""

    def __init__(self) -> None:
        super().__init__(_create_app)
        moto_buffers.install()
        werkzeug_app.DISABLE_GLOBAL_CORS = True  # the gateway's handlers say which pages may read an answer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """moto's answer. Raises what moto raises, and ServiceError for a body of S3's that is not what it claims."""
        app = self.get_application(environ)
        environ[SERVICE] = str(app.service)
        judged: Judged | None = environ.get(JUDGED)
        if judged is not None and not _is_for(judged.service, str(app.service)):
            raise ServiceError("AccessDenied", "Access Denied", 403)
        if app.service == "s3":
            payload.settle(environ)
            if judged is None and ".s3-accesspoint." not in str(environ.get("HTTP_HOST")):
                to_path_style(environ)
        answer: Iterable[bytes] = app(environ, start_response)
        if environ.get("PATH_INFO") == RESET_PATH:
            moto_buffers.forget_instances()
        return answer
