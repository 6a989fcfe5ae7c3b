"""Transform jobs on a real Valkey."""

from collections.abc import Iterator

import pytest

from neo_workers.jobs import Scope
from neo_workers.settings import Settings
from neo_workers.store.store import Store
from neo_workers.transform.jobs import TransformId, TransformJob, TransformStatus
from neo_workers.transform.store import ACTIVE, JobNotFound, TransformStore

SCOPE = Scope("123456789012", "us-east-1")
S = TransformStatus
REQUEST = {"TransformJobName": "t", "ModelName": "m", "TransformResources": {"InstanceType": "ml.m5.large"}}


def job(name: str = "t", created_ms: int = 1) -> TransformJob:
    container = {"Image": "i", "ModelDataUrl": "s3://b/k", "Environment": {"A": "model", "B": "model"}}
    request = {**REQUEST, "Environment": {"A": "job"}}
    return TransformJob(TransformId(SCOPE, name), request, container, created_ms=created_ms, modified_ms=created_ms)


@pytest.fixture
def store(redis_url: str) -> Iterator[TransformStore]:
    jobs = Store(Settings(redis_url=redis_url))
    yield TransformStore(jobs)
    jobs.connection.close()


def statuses(store: TransformStore) -> list[str]:
    """Of all events."""
    return [TransformJob.from_json(text).status for text in store.events.read("0-0")[1]]


def test_a_name_is_taken_once(store: TransformStore) -> None:
    assert store.get(job().id) is None
    assert store.add(job())
    assert not store.add(job())
    assert store.get(job().id) == job()
    assert store.all(SCOPE) == [job()]
    assert store.all(Scope("123456789012", "eu-west-1")) == []
    assert statuses(store) == [S.IN_PROGRESS]


def test_a_claim_that_another_has_replaced_ends_nothing(store: TransformStore) -> None:
    store.add(job())
    first, second = store.claim(job().id), store.claim(job().id)
    assert (second.fence, second.attempts) == (2, 2)
    assert first.started_ms == second.started_ms
    assert store.finish(first, S.FAILED, "no") is S.IN_PROGRESS
    assert store.finish(second, S.COMPLETED) is S.COMPLETED
    assert store.finish(second, S.FAILED, "late") is S.COMPLETED
    found = store.get(job().id)
    assert found is not None
    assert found.ended_ms is not None
    assert statuses(store) == [S.IN_PROGRESS, S.COMPLETED]
    assert store.active() == []


def test_a_released_attempt_does_not_count(store: TransformStore) -> None:
    store.add(job())
    store.release(store.claim(job().id))
    assert store.claim(job().id).attempts == 1


def test_stopping_wins(store: TransformStore) -> None:
    store.add(job())
    claimed = store.claim(job().id)
    assert store.stop(job().id) is S.IN_PROGRESS
    assert store.stop(job().id) is S.STOPPING
    assert store.finish(claimed, S.COMPLETED) is S.STOPPED
    assert store.stop(job().id) is S.STOPPED
    assert statuses(store) == [S.IN_PROGRESS, S.STOPPING, S.STOPPED]
    with pytest.raises(JobNotFound):
        store.stop(TransformId(SCOPE, "nobody"))


def test_active_jobs_are_the_oldest_first(store: TransformStore) -> None:
    for name, created_ms in (("b", 2), ("c", 3), ("a", 1)):
        store.add(job(name, created_ms))
    store.finish(job("c"), S.COMPLETED)
    store._redis.sadd(ACTIVE, f"{SCOPE}:c", f"{SCOPE}:nobody")
    assert [one.id.name for one in store.active()] == ["a", "b"]
    assert store._redis.sismember(ACTIVE, f"{SCOPE}:c") == 0


def test_the_job_s_environment_is_over_the_model_s() -> None:
    variant = job().variant
    assert variant.environment == {"A": "job", "B": "model"}
    assert (variant.image, variant.model_data_url, variant.model_name) == ("i", "s3://b/k", "m")


def test_what_has_ended_stays_ended() -> None:
    ended = job().moved(S.COMPLETED, 5)
    with pytest.raises(ValueError, match="Completed cannot become Failed"):
        ended.moved(S.FAILED, 6)
    assert len(job().moved(S.FAILED, 5, "x" * 2000).failure_reason) == 1024
