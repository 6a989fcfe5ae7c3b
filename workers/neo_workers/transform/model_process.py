"""A transform job's model in a process of its own: like an endpoint's variant, its state and requests in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from multiprocessing.context import BaseContext
from pathlib import Path

from neo_workers.hosting.endpoint_store import Change
from neo_workers.hosting.endpoints import Endpoint, EndpointId, EndpointStatus, VariantState
from neo_workers.hosting.invocations import STOPPED, Answer, Invocation
from neo_workers.hosting.served_variant import MakeTwin, ServedVariant, Surroundings
from neo_workers.settings import Settings
from neo_workers.transform.jobs import TransformJob
from neo_workers.transform.local_requests import LocalRequests

END_SECONDS = 2.0


class ModelError(Exception):
    """The model cannot be loaded; the text is the job's FailureReason."""


class _Records:
    """The record that a served variant changes."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._changed = threading.Condition()

    def update(self, endpoint_id: EndpointId, change: Change) -> Endpoint | None:
        """The record after `change`."""
        with self._changed:
            self._endpoint = change(self._endpoint) or self._endpoint
            self._changed.notify_all()
            return self._endpoint

    def wait_until_loaded(self, stopped: Callable[[], bool]) -> None:
        """Returns when the model is loaded or `stopped`. Raises ModelError."""
        with self._changed:
            while not stopped():
                (variant,) = self._endpoint.variants
                if variant.state is VariantState.FAILED:
                    raise ModelError(variant.reason)
                if variant.state is VariantState.READY:
                    return
                self._changed.wait(0.1)


class ModelProcess:
    """Loads the model of a job; use it as a context manager, which ends the process."""

    def __init__(
        self,
        job: TransformJob,
        settings: Settings,
        context: BaseContext,
        make_twin: MakeTwin,
        folder: Path,
        log: Callable[[str], None],
    ) -> None:
        endpoint_id = EndpointId.parse(str(job.id))
        variant = job.variant
        record = Endpoint(endpoint_id, "", EndpointStatus.CREATING, (variant,), job.created_ms, job.created_ms, 0)
        self._records, self._requests = _Records(record), LocalRequests()

        def add_line(_: EndpointId, __: str, text: str) -> None:
            log(text)

        around = Surroundings(settings, self._records, self._requests, context, make_twin, folder, add_line)
        self._served = ServedVariant(endpoint_id, variant, around)

    def __enter__(self) -> ModelProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._requests.close("")
        self._served.stop()
        self._served.restart()
        self._served.thread.join(END_SECONDS)  # compiling a twin takes longer; nobody waits for that
        self._served.forget()

    def wait_until_loaded(self, stopped: Callable[[], bool]) -> None:
        """Returns when the model is loaded or `stopped`. Raises ModelError."""
        self._records.wait_until_loaded(stopped)

    def invoke(self, invocation: Invocation, timeout_seconds: float) -> Answer | None:
        """The model's answer; STOPPED after `stop`; None if there was none in time: then its process starts anew."""
        answer = self._requests.invoke(invocation, timeout_seconds)
        if answer is None:
            self._served.restart()
        return answer

    def stop(self) -> None:
        """Answers requests with STOPPED from now on."""
        self._requests.close("")


__all__ = ["STOPPED", "ModelError", "ModelProcess"]
