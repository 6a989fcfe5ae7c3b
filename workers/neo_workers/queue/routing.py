"""Routes jobs to workers that have the framework that the model needs.

Every worker consumes the common queue. A worker without a job's framework forwards the message to that framework's
queue, which is consumed by the workers that have it. If no such worker was alive within the last minute, it runs the
job anyway: the job FAILS with a reason that names what is missing.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

from neo_compiler.frontends import FRAMEWORKS
from neo_workers.jobs import MODEL_PACKAGE_INPUT, JobId, JsonObject
from neo_workers.queue import QUEUE
from neo_workers.store import worker_registry
from neo_workers.store.store import JobNotFound, Store


@lru_cache(maxsize=1)
def own_frameworks() -> tuple[str, ...]:
    """The frameworks whose packages are installed in this environment; it does not import them."""
    return tuple(name for name, framework in FRAMEWORKS.items() if all(map(find_spec, framework.modules)))


def queue_of(framework: str) -> str:
    """The name of the queue for workers with `framework`."""
    return f"{QUEUE}-{framework.lower()}"


def own_queues() -> list[str]:
    """The names of the queues that this worker consumes."""
    return [QUEUE, *(queue_of(name) for name in own_frameworks() if FRAMEWORKS[name].modules)]


def elsewhere(store: Store, job_id: JobId) -> str | None:
    """The queue to forward the job to; None if this worker should run it, since it has the framework or nobody has."""
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
