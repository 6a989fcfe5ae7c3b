"""The page as Prometheus' own parser reads it."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from neo_emulator.control import prometheus
from neo_workers.jobs import JobId, JobStatus, Scope
from neo_workers.settings import Settings
from neo_workers.store import worker_registry
from neo_workers.store.counters import Phases
from neo_workers.store.store import Store


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(Settings(redis_url=redis_url))
    yield store
    store.connection.close()


def read(store: Store) -> dict[tuple[str, ...], float]:
    """Values by name and labels' values."""
    families = text_string_to_metric_families(prometheus.text(store))
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_every_figure_is_there_from_the_start(store: Store) -> None:
    found = read(store)
    assert {name for name, *_ in found} >= {
        f"neo_emulator_{name}" for name in ("jobs", "jobs_running", "queue_age_seconds", "workers", "cache_total")
    }
    assert found["neo_emulator_jobs", "COMPLETED"] == 0


def test_figures_follow_the_store(store: Store) -> None:
    worker_registry.report(store, worker_registry.Worker("w", 4, "ok"))
    store.add(JobId(Scope("1", "r"), "a"), {}, {})
    phases = Phases()
    phases.enter("compile")
    phases.end(store, JobStatus.FAILED)
    found = read(store)
    assert found["neo_emulator_jobs", "STARTING"] == 1
    assert (found["neo_emulator_workers",], found["neo_emulator_worker_slots",]) == (1, 4)
    assert found["neo_emulator_attempts_total", "FAILED"] == 1
    assert found["neo_emulator_phase_seconds_count", "compile"] == 1
    assert found["neo_emulator_phase_seconds_bucket", "compile", "+Inf"] == 1
