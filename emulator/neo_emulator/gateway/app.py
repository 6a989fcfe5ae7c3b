"""The API (read this first): a request passes through one list of handlers; the first that returns a response wins.

    Origin      refuses foreign hosts, and changes by pages of other sites
    Auth        with NEO_EMULATOR_AUTH=sigv4 only: refuses requests that are not signed with a known key
    Cors        CORS preflight requests; also adds CORS headers to responses
    Dashboard   /_neo/ and the pages below it, as HTML and as JSON
    Control     /_neo/health, ready, metrics, reset, pace, faults
    SageMaker   the compilation-job operations (operations.py), by X-Amz-Target, signed or not
    Endpoints   the operations on endpoints, as far as their models were compiled here
    Transforms  the operations on transform jobs whose models were compiled here
    RuntimeApi  InvokeEndpoint of these endpoints, and of those that nobody has
    Tagging     the Resource Groups Tagging API, for compilation jobs
    Unroutable  refuses requests for operations that do not exist, which moto would misread
    Moto        everything else: S3, STS, IAM, KMS, Logs, the rest of SageMaker

A handler is a WSGI application that may decline by returning None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from secrets import token_urlsafe
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws.delivery import Delivery
from neo_emulator.aws.moto import Moto, keep_underscores
from neo_emulator.aws.moto_errors import error_response
from neo_emulator.aws.moto_transforms import MotoTransforms
from neo_emulator.control.dashboard.handler import Dashboard
from neo_emulator.control.handler import Control
from neo_emulator.gateway.auth import Auth
from neo_emulator.gateway.cors import Cors
from neo_emulator.gateway.origin import Origin
from neo_emulator.gateway.unroutable import Unroutable
from neo_emulator.hosting import page
from neo_emulator.hosting.handler import OperationsHandler
from neo_emulator.hosting.notifications import EndpointNotifications
from neo_emulator.hosting.operations import LEFT_TO_MOTO, OPERATIONS, EndpointRequest
from neo_emulator.hosting.runtime_api import RuntimeApi
from neo_emulator.http.errors import RequestError
from neo_emulator.http.request import HEADERS
from neo_emulator.protocol import aws_json, service_model
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.hosts import Hosts
from neo_emulator.protocol.request_context import context_of, new_request_id
from neo_emulator.sagemaker.notifications import Notifications
from neo_emulator.sagemaker.operations import Publish
from neo_emulator.sagemaker.service import SageMaker
from neo_emulator.sagemaker.tagging_api import Tagging
from neo_emulator.transform.notifications import TransformNotifications
from neo_emulator.transform.operations import OPERATIONS as TRANSFORM_OPERATIONS
from neo_emulator.transform.operations import TransformRequest
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.hosting.invocations import InvocationQueue
from neo_workers.queue.publisher import JobPublisher
from neo_workers.settings import Settings
from neo_workers.store.store import Store
from neo_workers.transform.store import TransformStore

Handler = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes] | None]


class Application:
    """The endpoint as one WSGI application."""

    def __init__(
        self,
        handlers: list[Handler],
        moto: Moto,
        notifications: list[Delivery],
        control: Control,
        cors: Cors,
        hosts: Hosts,
    ) -> None:
        self.handlers = handlers
        self.control = control
        self.cors = cors
        self.hosts = hosts
        self.moto = moto  # the last handler, which never declines
        self.notifications = notifications
        self.admin_token = ""  # for control addresses, where signatures are verified

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The response of the first handler that does not decline."""
        if HEADERS in environ:
            keep_underscores(environ, dict(environ[HEADERS]))
        start_response = self.cors.allowing(environ, start_response)
        for handler in self.handlers:
            body = handler(environ, start_response)
            if body is not None:
                return body
        for each in self.notifications:
            each.catch_up(context_of(environ).service)
        return self.moto(environ, start_response)

    def start(self) -> None:
        """Starts delivering events and log lines in the background."""
        for each in self.notifications:
            each.start()

    def warm(self) -> None:
        """Loads in advance what the first requests need: botocore's SageMaker model (0.2 s), then moto (0.6 s)."""
        service_model.operation_names()
        self.moto.load()


def refusal(environ: WSGIEnvironment, start_response: StartResponse, error: RequestError) -> Iterable[bytes]:
    """The response to a malformed or failed request, in the caller's protocol where that is known."""
    told = ServiceError(error.code, str(error), error.status)
    if environ:
        return error_response(environ, told).send(start_response)
    return aws_json.error_response(told, new_request_id()).send(start_response)


def create_app(settings: Settings, store: Store, publish: Publish | None = None) -> Application:
    """The endpoint on `store`. `publish` announces a new job to the workers; by default through Celery."""
    moto = Moto(settings)
    services = moto.services
    control = Control(store, moto)
    endpoint_store, moto_endpoints = EndpointStore(store), MotoTransforms(moto.load)
    transform_store = TransformStore(store)
    control.add_page("endpoints", lambda: page.endpoints(endpoint_store))
    admin_token = settings.admin_token or token_urlsafe(24)
    verifier = Auth(settings, services.secret_of, services.public_access, admin_token)
    auth = [verifier] if settings.auth == "sigv4" else []
    cors = Cors(settings.cors_origins, services.has_cors_rules)
    hosts = Hosts(settings.hosts.split(","))
    handlers: list[Handler] = [
        Origin(hosts, cors),
        *auth,
        cors,
        Dashboard(settings, store, control, moto),
        control,
        SageMaker(settings, store, publish or JobPublisher(settings), moto.scope, services),
        OperationsHandler(
            OPERATIONS,
            lambda members, scope: EndpointRequest(members, scope, endpoint_store, moto_endpoints),
            moto.scope,
            LEFT_TO_MOTO,
        ),
        OperationsHandler(
            TRANSFORM_OPERATIONS,
            lambda members, scope: TransformRequest(members, scope, transform_store, endpoint_store, moto_endpoints),
            moto.scope,
        ),
        RuntimeApi(endpoint_store, moto_endpoints, moto.scope, lambda: InvocationQueue(settings.store_url)),
        Tagging(store, moto, moto.scope),
        Unroutable(moto.answers_unsigned),
    ]
    delivered: list[Delivery] = [
        Notifications(settings, store, services),
        EndpointNotifications(endpoint_store, services, moto_endpoints),
        TransformNotifications(transform_store, services, moto_endpoints),
    ]
    app = Application(handlers, moto, delivered, control, cors, hosts)
    app.admin_token = admin_token if auth else ""
    return app
