"""The one Celery task: claim the job named by the message and see it through."""

from __future__ import annotations

import logging
import os
import socket
import threading
from pathlib import Path

from celery import Celery

from neo_workers.jobs import JobId
from neo_workers.queue import TASK
from neo_workers.store import Store
from neo_workers.supervisor import Supervisor

log = logging.getLogger(__name__)


def worker_name() -> str:
    """This worker process among all: host:pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def register(app: Celery, store: Store, work_root: Path, draining: threading.Event) -> None:
    """Adds the task to `app`. While `draining` is set it takes nothing on: the job stays queued for another worker."""

    @app.task(name=TASK, ignore_result=True)  # type: ignore[untyped-decorator]
    def compile_job(job_id: str) -> str:
        try:
            parsed = JobId.parse(job_id)
        except ValueError:
            log.warning("ignored a message that names no job: %.100r", job_id)
            return "ignored"
        if draining.is_set():
            return "draining"
        claim = store.claim(parsed, worker_name())
        if claim is None:
            return "not to be had"
        log.info("claimed, attempt %d", claim.attempt, extra={"job": job_id})
        return str(Supervisor(claim, store, work_root, draining).run())
