"""The only Celery task: claims the job in the message and runs it."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from celery import Celery

from neo_workers.jobs import JobId
from neo_workers.queue import publisher, routing
from neo_workers.queue.publisher import TASK
from neo_workers.store.store import Store
from neo_workers.store.worker_registry import own_name
from neo_workers.worker.supervisor import Supervisor

log = logging.getLogger(__name__)


class Busy:
    """Counts the running jobs of this process; used as a context manager around each."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        self._add(1)

    def __exit__(self, *_: object) -> None:
        self._add(-1)

    def _add(self, change: int) -> None:
        with self._changed:
            self._count += change
            self._changed.notify_all()

    def wait_until_idle(self, timeout_seconds: float) -> bool:
        """Waits until no job is running. Returns False after the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout_seconds)


def register(app: Celery, store: Store, work_root: Path, draining: threading.Event, busy: Busy) -> None:
    """Adds the task to `app`. While `draining` is set it claims nothing: jobs stay queued for other workers."""

    @app.task(name=TASK, ignore_result=True)  # type: ignore[untyped-decorator]
    def compile_job(job_id: str) -> str:
        try:
            parsed = JobId.parse(str(job_id))
        except ValueError:
            log.warning("ignored a message without a valid job ID: %.100r", job_id)
            return "ignored"
        if draining.is_set():
            store.decline(parsed)
            return "draining"
        if other := routing.elsewhere(store, parsed):
            if publisher.room(store, other):
                publisher.submit(parsed, store.settings, other)
            return "passed on"
        with busy:
            claim = store.claim(parsed, own_name())
            if claim is None:
                return "not claimable"
            log.info("claimed, attempt %d", claim.attempt, extra={"job": job_id})
            return str(Supervisor(claim, store, work_root, draining).run())
