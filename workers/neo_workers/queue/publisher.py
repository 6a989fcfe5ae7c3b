"""Announces jobs to the workers. A message is only a hint: losing or doubling one changes nothing."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from neo_workers.jobs import JobId
from neo_workers.observability import tracing
from neo_workers.settings import Settings

TASK = "neo.compile"
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
