"""The store's scripts on a real Valkey: the life cycle, its fences. Pages are in test_store_pages.py."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product

import pytest
from support.waiting import until

from neo_workers.jobs import TERMINAL, TRANSITIONS, JobId, JobResult, JobStatus, Query, Scope
from neo_workers.settings import Settings
from neo_workers.store import worker_registry
from neo_workers.store.store import JobActive, JobExists, JobNotFound, Store
from neo_workers.worker import artifact_cleanup

SCOPE = Scope("123456789012", "us-east-1")
A = JobId(SCOPE, "a")
RESULT = JobResult("s3://out/a-ml_c5.tar.gz", "ab" * 64, '{"x": [1]}')


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(Settings(redis_url=redis_url, lease_seconds=0.15, republish_seconds=0.3))
    yield store
    store._redis.close()


def now(store: Store) -> float:
    """The store's clock, seconds since the epoch."""
    seconds, microseconds = store._redis.time()
    return float(seconds + microseconds / 1e6)


def is_due(store: Store) -> float:
    """When the one job that waits is to be announced again, by that clock."""
    ((_, announced_ms),) = store._redis.zrange("neo:queue", 0, -1, withscores=True)
    return float(announced_ms / 1000 + store.settings.republish_seconds)


def test_a_job_from_creation_to_completion(store: Store) -> None:
    before = datetime.now(UTC).timestamp()
    job = store.add(A, {"RoleArn": "r"}, {"k": "v"})
    assert (job.status, job.request, job.started, job.ended) == (JobStatus.STARTING, {"RoleArn": "r"}, None, None)
    assert before - 0.002 <= job.created.timestamp() <= datetime.now(UTC).timestamp()
    claim = store.claim(A, "w")
    assert claim is not None
    assert claim.request == {"RoleArn": "r"}
    running = store.get(A)
    assert running.status is JobStatus.INPROGRESS
    assert running.started is not None
    assert running.started >= job.created
    assert running.started.microsecond == 0
    assert store.beat(claim, "import") is JobStatus.INPROGRESS
    assert store.get(A).progress == "import"
    assert store.finish(claim, JobStatus.COMPLETED, result=RESULT) is JobStatus.COMPLETED
    done = store.get(A)
    assert done.result == RESULT
    assert done.ended is not None
    assert done.modified == done.ended
    assert done.ended >= done.started  # type: ignore[operator]
    assert store.history(A) == [JobStatus.STARTING, JobStatus.INPROGRESS, JobStatus.COMPLETED]


def test_finishing_twice_says_the_same_and_commits_once(store: Store) -> None:
    store.add(A, {}, {})
    claim = store.claim(A, "w")
    assert claim is not None
    assert store.finish(claim, JobStatus.FAILED, "why") is JobStatus.FAILED
    assert store.finish(claim, JobStatus.COMPLETED) is JobStatus.FAILED
    assert store._redis.hget(f"neo:job:{A}", "commits") == "1"


def test_one_name_one_job_even_when_fifty_ask_at_once(store: Store) -> None:
    outcomes: list[str] = []

    def create() -> None:
        try:
            store.add(A, {}, {})
            outcomes.append("created")
        except JobExists:
            outcomes.append("taken")

    threads = [threading.Thread(target=create) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created"] + ["taken"] * 49


def test_only_one_of_many_workers_gets_a_job(store: Store) -> None:
    store.add(A, {}, {})
    assert [store.claim(A, f"w{i}") is not None for i in range(3)] == [True, False, False]


def test_unknown_jobs(store: Store) -> None:
    for call in (store.get, store.stop, store.delete, store.tags):
        with pytest.raises(JobNotFound):
            call(A)
    assert store.claim(A, "w") is None


def test_silent_worker_loses_its_job_and_cannot_finish_it(store: Store) -> None:
    store.add(A, {}, {})
    zombie = store.claim(A, "w1")
    assert zombie is not None
    until(lambda: store.reap() == [A])
    assert store.get(A).status is JobStatus.INPROGRESS  # a client sees no step back
    heir = store.claim(A, "w2")
    assert heir is not None
    assert heir.attempt == 2
    assert store.beat(zombie) is None
    assert store.finish(zombie, JobStatus.FAILED, "zombie") is None
    assert not store.release(zombie)
    assert store.finish(heir, JobStatus.COMPLETED, result=RESULT) is JobStatus.COMPLETED


def test_a_job_that_loses_every_worker_fails_with_a_reason(store: Store) -> None:
    store.add(A, {}, {})
    for _ in range(store.settings.max_attempts):
        assert store.claim(A, "w") is not None
        until(lambda: store.reap() or store.get(A).status is JobStatus.FAILED)
    job = store.get(A)
    assert job.status is JobStatus.FAILED
    assert job.failure_reason is not None
    assert "lost 3 times" in job.failure_reason


def test_release_charges_no_attempt_and_is_announced_again(store: Store) -> None:
    store.add(A, {}, {})
    claim = store.claim(A, "w")
    assert claim is not None
    before = now(store)
    assert store.release(claim)
    assert store.beat(claim) is None
    assert is_due(store) > before + 0.9
    until(lambda: store.reap() == [A])
    again = store.claim(A, "w")
    assert again is not None
    assert again.attempt == 1


def test_an_attempt_after_a_lost_worker_has_what_is_left_of_the_runtime(store: Store) -> None:
    store.add(A, {}, {})
    first = store.claim(A, "w")
    assert first is not None and first.used_seconds == 0

    def ran() -> bool:
        assert store.beat(first)
        return int(store.connection.hget(f"neo:job:{A}", "used_ms") or 0) >= 100

    until(ran)
    until(lambda: store.reap() == [A])
    second = store.claim(A, "w2")
    assert second is not None
    assert 0.1 <= second.used_seconds < 10
    assert store.beat(second)
    assert store.release(second)  # by a worker that stops: not charged
    until(lambda: store.reap() == [A])
    third = store.claim(A, "w3")
    assert third is not None
    assert third.used_seconds == second.used_seconds


def test_unclaimed_job_is_announced_again(store: Store, redis_url: str) -> None:
    store.add(A, {}, {})
    patient = Store(Settings(redis_url=redis_url, republish_seconds=3600))
    assert patient.reap() == []
    until(lambda: store.reap() == [A])
    assert patient.reap() == []


@pytest.mark.parametrize("claimed", [False, True])
def test_stop_ends_a_job_that_nobody_works_on(store: Store, claimed: bool) -> None:
    store.add(A, {}, {})
    if claimed:
        store.claim(A, "w")
    before = JobStatus.INPROGRESS if claimed else JobStatus.STARTING
    assert store.stop(A) is before
    assert store.stop(A) is JobStatus.STOPPING
    assert store.claim(A, "w2") is None

    def stopped() -> bool:
        store.reap()
        return store.get(A).status is JobStatus.STOPPED

    until(stopped)
    job = store.get(A)
    assert job.ended is not None
    assert store.stop(A) is JobStatus.STOPPED
    assert store.history(A)[-2:] == [JobStatus.STOPPING, JobStatus.STOPPED]


def test_stop_wins_over_a_finish(store: Store) -> None:
    store.add(A, {}, {})
    claim = store.claim(A, "w")
    assert claim is not None
    store.stop(A)
    assert store.beat(claim) is JobStatus.STOPPING
    assert store.finish(claim, JobStatus.COMPLETED, result=RESULT) is JobStatus.STOPPED
    assert store.get(A).result is None


def test_delete_takes_only_terminal_jobs(store: Store) -> None:
    store.add(A, {}, {"k": "v"})
    with pytest.raises(JobActive) as refused:
        store.delete(A)
    assert refused.value.status is JobStatus.STARTING
    claim = store.claim(A, "w")
    assert claim is not None
    with pytest.raises(JobActive):
        store.delete(A)
    store.finish(claim, JobStatus.FAILED, "x")
    store.delete(A)
    with pytest.raises(JobNotFound):
        store.get(A)
    assert store._redis.keys("neo:*a") == []
    assert store.add(A, {}, {}).status is JobStatus.STARTING
    assert store.beat(claim) is None  # the old holder has no say in the new job


def test_every_transition_is_legal_or_refused(store: Store) -> None:
    lua = store._redis.register_script(
        next(iter(store._scripts.values())).script.split("-- ARGV")[0] + "return move(ARGV[1], ARGV[2])"
    )
    for old, new in product(JobStatus, JobStatus):
        store.clear()
        store.add(A, {}, {})
        store._redis.hset(f"neo:job:{A}", "status", old)
        assert bool(lua(args=[str(A), str(new)])) is (new in TRANSITIONS[old]), f"{old} -> {new}"
    assert all(not TRANSITIONS[status] for status in TERMINAL)


def test_tags_are_overwritten_and_removed(store: Store) -> None:
    store.add(A, {}, {"a": "1", "b": "2"})
    assert store.put_tags(A, {"b": "3", "c": ""}) == {"a": "1", "b": "3", "c": ""}
    store.remove_tags(A, ["a", "nope"])
    assert store.tags(A) == {"b": "3", "c": ""}


def test_clear_forgets_jobs_and_running_compiles_notice(store: Store) -> None:
    worker_registry.report(store, worker_registry.Worker("host:1", 2, "ok"))
    store.add(A, {}, {})
    claim = store.claim(A, "w")
    assert claim is not None
    store.clear()
    assert store.beat(claim) is None
    assert store.page(SCOPE, Query()).jobs == ()
    assert [worker.name for worker in worker_registry.workers(store)] == ["host:1"]
    store.add(A, {}, {})
    other = store.claim(A, "w")
    assert other is not None
    assert other.fence > claim.fence


def test_a_repeated_create_comes_out_like_the_first(store: Store) -> None:
    first = store.add(A, {}, {}, "one call")
    assert store.add(A, {}, {}, "one call").fence == first.fence
    with pytest.raises(JobExists):
        store.add(A, {}, {}, "another call")
    with pytest.raises(JobExists):
        store.add(A, {}, {})


def test_an_upload_of_a_job_that_did_not_complete_is_noted(store: Store) -> None:
    for name, stopped in (("kept", False), ("withdrawn", True)):
        job_id = JobId(SCOPE, name)
        store.add(job_id, {}, {})
        claim = store.claim(job_id, "w")
        assert claim is not None
        assert store.beat(claim, "upload", f"s3://out/{name}") is JobStatus.INPROGRESS
        if stopped:
            store.stop(job_id)
        store.finish(claim, JobStatus.COMPLETED, result=RESULT)
    noted = store._redis.hgetall(artifact_cleanup.WITHDRAW)
    assert list(noted) == [artifact_cleanup.owner(JobId(SCOPE, "withdrawn"), claim.fence)]
    assert noted.popitem()[1].endswith(" s3://out/withdrawn")


def test_a_declined_job_is_announced_again_soon(store: Store) -> None:
    store.add(A, {}, {})
    before = now(store)
    store.decline(A)
    assert is_due(store) > before + 0.9
    until(lambda: store.reap() == [A])
    store.decline(JobId(SCOPE, "unknown"))
    assert store._redis.zrange("neo:queue", 0, -1) == [str(A)]
