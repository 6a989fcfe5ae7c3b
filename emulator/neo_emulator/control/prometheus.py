"""/_neo/metrics: the metrics of neo_workers.store.counters in Prometheus' text format.

Source: "Text-based format" of Prometheus' documentation, version 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from neo_workers.store import worker_registry
from neo_workers.store.counters import BUCKET_SECONDS, Snapshot, snapshot
from neo_workers.store.store import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "neo_emulator_"

Samples = Iterable[tuple[str, float]]  # labels as written, value


def text(store: Store) -> str:
    """The page. Raises RedisError."""
    return "".join(_lines(snapshot(store), worker_registry.workers(store)))


def _lines(now: Snapshot, workers: list[worker_registry.Worker]) -> Iterator[str]:
    slots = sum(worker.slots for worker in workers)
    jobs = [(f'{{status="{status}"}}', count) for status, count in now.jobs.items()]
    yield from _metric("jobs", "gauge", "Compilation jobs in the store, by status.", jobs)
    yield from _metric("jobs_running", "gauge", "Jobs claimed by a worker.", [("", now.running)])
    age = [("", now.oldest_starting_seconds)]
    yield from _metric("queue_age_seconds", "gauge", "Age of the oldest job that no worker has started.", age)
    yield from _metric("workers", "gauge", "Live worker processes.", [("", len(workers))])
    yield from _metric("worker_slots", "gauge", "Jobs that the workers can compile in parallel.", [("", slots)])
    attempts = [(f'{{end="{end}"}}', count) for end, count in now.attempts.items()]
    yield from _metric("attempts_total", "counter", "Ended compilations, by outcome.", attempts)
    cache = [(f'{{result="{result}"}}', count) for result, count in now.cache.items()]
    yield from _metric("cache_total", "counter", "Completed jobs, by whether the cache had the artifact.", cache)
    yield from _histogram(now)


def _metric(name: str, kind: str, what: str, samples: Samples) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {what}\n# TYPE {PREFIX}{name} {kind}\n"
    for labels, value in samples:
        yield f"{PREFIX}{name}{labels} {value:g}\n" if value < 1e6 else f"{PREFIX}{name}{labels} {value}\n"


def _histogram(now: Snapshot) -> Iterator[str]:
    name = f"{PREFIX}phase_seconds"
    yield f"# HELP {name} Duration of each phase of the jobs.\n# TYPE {name} histogram\n"
    for phase, seen in now.phases.items():
        for most, count in zip((*map(str, BUCKET_SECONDS), "+Inf"), seen.cumulated, strict=True):
            yield f'{name}_bucket{{phase="{phase}",le="{most}"}} {count}\n'
        yield f'{name}_sum{{phase="{phase}"}} {seen.total_seconds:.6f}\n'
        yield f'{name}_count{{phase="{phase}"}} {seen.cumulated[-1]}\n'
