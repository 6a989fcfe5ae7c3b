from collections.abc import Iterator

import pytest
from support.waiting import until

from neo_workers.jobs import JobId, JobStatus, Scope
from neo_workers.settings import Settings
from neo_workers.store import counters
from neo_workers.store.store import Store

WEST = Scope("123456789012", "us-west-2")
EAST = Scope("123456789012", "us-east-1")


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(Settings(redis_url=redis_url))
    yield store
    store.connection.close()


def test_an_empty_store(store: Store) -> None:
    now = counters.snapshot(store)
    assert (set(now.jobs.values()), now.running, now.oldest_starting_seconds) == ({0}, 0, 0.0)
    assert now.cache == {"hit": 0, "miss": 0}


def test_jobs_of_all_scopes_are_counted(store: Store) -> None:
    for scope, count in ((WEST, 3), (EAST, 2)):
        for n in range(count):
            store.add(JobId(scope, f"j{n}"), {}, {})
    for scope in (WEST, EAST):
        assert store.claim(JobId(scope, "j0"), "w") is not None
    until(lambda: counters.snapshot(store).oldest_starting_seconds > 0)
    now = counters.snapshot(store)
    assert (now.jobs[JobStatus.STARTING], now.jobs[JobStatus.INPROGRESS], now.running) == (3, 2, 2)
    seconds, microseconds = store.connection.time()
    oldest = store.get(JobId(WEST, "j1")).created.timestamp()
    assert 0 < now.oldest_starting_seconds <= seconds + microseconds / 1e6 - oldest


def test_phases_are_summed_by_bucket(store: Store) -> None:
    for seconds in (0.02, 0.4, 9999.0):
        phases = counters.Phases()
        phases.seconds = {"compile": seconds}
        phases.end(store, JobStatus.COMPLETED)
    cached = counters.Phases()
    cached.end(store, JobStatus.COMPLETED)
    counters.Phases().end(store, None)
    now = counters.snapshot(store)
    seen = now.phases["compile"]
    assert seen.cumulated == [0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3]
    assert seen.total_seconds == pytest.approx(9999.42)
    assert now.attempts == {"COMPLETED": 4, "given back": 1}
    assert now.cache == {"hit": 1, "miss": 3}
