"""The API, read this first: every request goes down one list of handlers, and the first that answers has the word.

    Preflight   a browser's question whether a page may ask (cors.py, which also opens every answer to pages)
    Auth        with NEO_EMULATOR_AUTH=sigv4 only: refuses what is not signed with a known key
    Dashboard   /_neo/ and the pages below it, and the same as JSON
    Control     /_neo/health, ready, metrics, reset, pace, faults
    Feeds       declines all, but brings CloudWatch Logs up to date for those who ask for it
    SageMaker   the compilation-job operations (operations.py), by X-Amz-Target, signed or not
    Tagging     the Resource Groups Tagging API, where jobs are concerned
    Misdirected refuses what is for no operation there is, lest moto take it for something else
    Moto        everything else, on the same endpoint: S3, STS, IAM, KMS, Logs, the rest of SageMaker

A handler is a WSGI application that may decline by returning None.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from threading import Thread
from wsgiref.types import StartResponse, WSGIEnvironment

from neo_emulator.aws.moto import Moto, keep_underscores, render
from neo_emulator.control.dashboard.handler import Dashboard
from neo_emulator.control.handler import Control
from neo_emulator.gateway import cors
from neo_emulator.gateway.auth import Auth
from neo_emulator.gateway.unroutable import Misdirected
from neo_emulator.http.errors import RequestError
from neo_emulator.http.request import HEADERS
from neo_emulator.protocol import aws_json
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.protocol.request_context import new_request_id
from neo_emulator.sagemaker.notifications import Feeds
from neo_emulator.sagemaker.operations import Submit
from neo_emulator.sagemaker.service import SageMaker
from neo_emulator.sagemaker.tagging_api import Tagging
from neo_workers.jobs import JobId
from neo_workers.queue import publisher
from neo_workers.settings import Settings
from neo_workers.store.store import Store

Handler = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes] | None]

REST = 9
MOST_REST_SECONDS = 0.02
"""The first message takes Celery's import and a connection: a rest in proportion would hold the second for seconds."""


class Application:
    """The whole endpoint as one WSGI application."""

    def __init__(self, handlers: list[Handler], moto: Moto, feeds: Feeds, control: Control) -> None:
        self.handlers = handlers
        self.control = control
        self.moto = moto  # the last of the handlers, which declines nothing
        self.feeds = feeds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if HEADERS in environ:
            keep_underscores(environ, dict(environ[HEADERS]))
        start_response = cors.allowing(environ, start_response)
        for handler in self.handlers:
            body = handler(environ, start_response)
            if body is not None:
                return body
        return self.moto(environ, start_response)

    def start(self) -> None:
        """Begins to hand on status changes and log lines, in the background."""
        self.feeds.start()

    def warm(self) -> None:
        """Loads what the first requests would wait for: SageMaker's model (0.2 s), then moto (0.6 s)."""
        aws_json.operation_names()
        self.moto.load()


def refusal(environ: WSGIEnvironment, start_response: StartResponse, error: RequestError) -> Iterable[bytes]:
    """Answers a request that the server cannot pass on or that failed, in the caller's protocol if that is known."""
    told = ServiceError(error.code, str(error), error.status)
    return (render(environ, told) if environ else aws_json.failure(told, new_request_id())).send(start_response)


class Announcer:
    """Announces jobs from a thread of its own, so that no request waits for Celery (0.4 s to import, 0.5 ms a message).

    After each it rests up to REST times as long as that took: a burst of Creates then keeps most of the processor, and
    announcements still outrun any worker. What is still unsent when the process ends is lost, which is harmless:
    unclaimed jobs are announced again.
    """

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._waiting: SimpleQueue[JobId] = SimpleQueue()
        Thread(target=self._run, daemon=True, name="announcer").start()

    def __call__(self, job_id: JobId) -> None:
        self._waiting.put(job_id)

    def _run(self) -> None:
        while True:
            job_id = self._waiting.get()
            begun = time.perf_counter()
            self._submit(job_id)
            time.sleep(min(REST * (time.perf_counter() - begun), MOST_REST_SECONDS))


def create_app(settings: Settings, store: Store, submit: Submit | None = None) -> Application:
    """The endpoint over `store`. `submit` announces new jobs; by default through Celery, behind the request's back."""
    moto = Moto(settings)
    feeds = Feeds(settings, store, moto)
    announce = submit or Announcer(lambda job_id: publisher.submit(job_id, settings))
    guard = [Auth(settings, moto.secret_of, moto.openness)] if settings.auth == "sigv4" else []
    control = Control(store, moto.reset)
    handlers: list[Handler] = [
        cors.Preflight(moto.has_cors_rules),
        *guard,
        Dashboard(store, control, moto),
        control,
        feeds,
        SageMaker(settings, store, announce, moto.account, moto),
        Tagging(settings, store, moto, moto.account),
        Misdirected(moto.answers_unsigned),
    ]
    return Application(handlers, moto, feeds, control)
