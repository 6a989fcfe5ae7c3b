"""Announces jobs to the workers. A message is only a hint: a lost or duplicate one has no effect on the job."""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from queue import SimpleQueue
from threading import Thread
from typing import Any

from neo_workers.jobs import JobId
from neo_workers.observability import tracing
from neo_workers.queue import QUEUE
from neo_workers.settings import Settings
from neo_workers.store.store import Store

TASK = "neo.compile"
REST = 9
MOST_REST_SECONDS = 0.02
"""Longest pause: after the first message, which imports Celery and connects, a proportional one would take seconds."""
log = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def _app(settings: Settings) -> Any:
    from neo_workers.queue.celery_app import celery_app  # Celery takes 0.3 s to import: not when the API starts

    if settings.otel:
        tracing.start("api")
    return celery_app(settings)


def submit(job_id: JobId, settings: Settings, queue: str | None = None) -> None:
    """Sends the job's ID to all workers, or to those of `queue`. Never raises: unclaimed jobs are announced again."""
    try:
        _app(settings).send_task(TASK, [str(job_id)], queue=queue, retry=False)
    except Exception:
        log.warning("could not announce the job; it will be announced again", extra={"job": str(job_id)}, exc_info=True)


def messages(settings: Settings, queue: str) -> int:
    """Returns how many messages wait in `queue`. Raises what Celery's broker raises."""
    with _app(settings).connection_for_read() as connection:
        try:
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)
        except connection.channel_errors:  # nobody has used the queue yet
            return 0


def room(store: Store, queue: str = QUEUE) -> int:
    """Returns how many more messages `queue` may hold: one for each queued job.

    Jobs are announced again until a worker claims them: without this bound a backlog would fill Redis with messages.
    """
    queued = store.queued()
    try:
        return max(0, queued - messages(store.settings, queue))
    except Exception:  # a message too many is harmless, one too few is not
        log.debug("could not count the messages in %s", queue, exc_info=True)
        return queued


class JobPublisher:
    """Submits jobs from a separate thread, so that no request waits for Celery (0.4 s to import, 0.5 ms per message).

    After each message it pauses up to REST times as long as sending took: that leaves most of the CPU to a burst of
    Create requests, and is still faster than any worker. Messages unsent when the process ends are lost, which is
    harmless: unclaimed jobs are announced again.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: SimpleQueue[JobId] = SimpleQueue()
        Thread(target=self._run, daemon=True, name="job-publisher").start()

    def __call__(self, job_id: JobId) -> None:
        """Queues the job's announcement; returns immediately and never raises."""
        self._waiting.put(job_id)

    def _run(self) -> None:
        while True:
            job_id = self._waiting.get()
            begun = time.perf_counter()
            submit(job_id, self._settings)
            time.sleep(min(REST * (time.perf_counter() - begun), MOST_REST_SECONDS))
