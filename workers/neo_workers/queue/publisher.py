"""Announces jobs to the workers. A message is only a hint: losing or doubling one changes nothing."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from queue import SimpleQueue
from threading import Thread
from typing import Any

from neo_workers.jobs import JobId
from neo_workers.observability import tracing
from neo_workers.settings import Settings

TASK = "neo.compile"
REST = 9
MOST_REST_SECONDS = 0.02
"""The first message takes Celery's import and a connection: a pause in proportion would delay the second by seconds."""
log = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def _app(settings: Settings) -> Any:
    from neo_workers.queue.celery_app import celery_app  # Celery takes 0.3 s to import; not at the API's start

    if settings.otel:
        tracing.start("api")
    return celery_app(settings)


def submit(job_id: JobId, settings: Settings, queue: str | None = None) -> None:
    """Sends the job's id to the workers, or to those of `queue`. Never raises: unclaimed jobs are announced again."""
    try:
        _app(settings).send_task(TASK, [str(job_id)], queue=queue, retry=False)
    except Exception:
        log.warning("could not announce the job; it will be announced again", extra={"job": str(job_id)}, exc_info=True)


class JobPublisher:
    """Submits jobs from a thread of its own, so that no request waits for Celery (0.4 s to import, 0.5 ms a message).

    After each message it pauses up to REST times as long as that took: a burst of Creates then keeps most of the
    processor, and messages still outrun any worker. What is unsent when the process ends is lost, which is harmless:
    unclaimed jobs are announced again.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: SimpleQueue[JobId] = SimpleQueue()
        Thread(target=self._run, daemon=True, name="job-publisher").start()

    def __call__(self, job_id: JobId) -> None:
        """Returns at once; never raises."""
        self._waiting.put(job_id)

    def _run(self) -> None:
        while True:
            job_id = self._waiting.get()
            begun = time.perf_counter()
            submit(job_id, self._settings)
            time.sleep(min(REST * (time.perf_counter() - begun), MOST_REST_SECONDS))
