"""Which workers a job is for: only some may have the framework that its model needs.

Every worker takes from the common queue. One that lacks a job's framework passes the message on to that framework's own
queue, from which the workers that have it take, too. Where no such worker was alive for a minute it takes the job all
the same: the job FAILS and says what is missing.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

from neo_compiler.frontends import FRAMEWORKS
from neo_workers.jobs import MODEL_PACKAGE_INPUT, JobId, JsonObject
from neo_workers.queue.celery_app import QUEUE
from neo_workers.store import worker_registry
from neo_workers.store.store import JobNotFound, Store


@lru_cache(maxsize=1)
def own_frameworks() -> tuple[str, ...]:
    """The frameworks whose packages this process can import; it imports none."""
    return tuple(name for name, framework in FRAMEWORKS.items() if all(map(find_spec, framework.modules)))


def queue_of(framework: str) -> str:
    """The queue of the workers that have a framework."""
    return f"{QUEUE}-{framework.lower()}"


def own_queues() -> list[str]:
    """The queues that this worker takes jobs from."""
    return [QUEUE, *(queue_of(name) for name in own_frameworks() if FRAMEWORKS[name].modules)]


def elsewhere(store: Store, job_id: JobId) -> str | None:
    """The queue to pass the job on to, None when it is this worker's: it has the framework, or nobody has."""
    if len(own_frameworks()) == len(FRAMEWORKS):
        return None
    try:
        framework = _framework(store.get(job_id).request)
    except JobNotFound:
        return None
    if framework in own_frameworks() or not worker_registry.seen_with(store, framework):
        return None
    return queue_of(framework)


def _framework(request: JsonObject) -> str:
    return str((request.get("InputConfig") or request.get(MODEL_PACKAGE_INPUT) or {}).get("Framework", ""))
