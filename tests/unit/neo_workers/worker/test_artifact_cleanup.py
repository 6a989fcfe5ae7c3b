"""Artifacts are taken back through a real S3 (moto's) and a real Valkey."""

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from support.moto_server import moto_server
from support.waiting import until

from neo_compiler.storage.s3 import OWNER
from neo_workers.jobs import JobId, JobStatus, Scope
from neo_workers.settings import Settings
from neo_workers.store.store import Store
from neo_workers.worker import artifact_cleanup

JOB = JobId(Scope("123456789012", "us-east-1"), "job")
URI = "s3://out/a/m-ml_c5.tar.gz"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3(endpoint: str) -> Any:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    s3.create_bucket(Bucket="out")
    return s3


@pytest.fixture
def store(redis_url: str, endpoint: str) -> Store:
    return Store(Settings(redis_url=redis_url, s3_endpoint_url=endpoint, lease_seconds=0.1))


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket="out").get("Contents", [])]


def dead_upload(store: Store) -> str:
    """The mark of a job whose worker died uploading, and that was stopped then."""
    store.add(JOB, {}, {})
    claim = store.claim(JOB, "w")
    assert claim is not None
    assert store.beat(claim, "upload", URI) is JobStatus.INPROGRESS
    store.stop(JOB)

    def is_given_up() -> bool:
        store.reap()
        return store.get(JOB).status is JobStatus.STOPPED

    until(is_given_up)
    return artifact_cleanup.owner(JOB, claim.fence)


def test_an_upload_that_lands_late_is_taken_back_too(store: Store, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeps, sweep = [], artifact_cleanup.sweep
    monkeypatch.setattr(artifact_cleanup, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(artifact_cleanup, "sweep", lambda store: sweeps.append(sweep(store)))
    mark, stop = dead_upload(store), threading.Event()
    thread = threading.Thread(target=artifact_cleanup.sweep_forever, args=(store, stop))
    thread.start()
    until(lambda: len(sweeps) >= 2)
    s3.put_object(Bucket="out", Key="a/m-ml_c5.tar.gz", Body=b"late", Metadata={OWNER: mark})
    until(lambda: keys(s3) == [])
    stop.set()
    thread.join()


def test_it_is_forgotten_when_nothing_can_land_any_more(store: Store, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_upload(store)
    assert artifact_cleanup.sweep(store) == 1
    monkeypatch.setattr(artifact_cleanup, "SETTLE_SECONDS", -2.0)
    assert [artifact_cleanup.sweep(store) for _ in range(2)] == [1, 0]


def test_it_waits_while_s3_is_away(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_cleanup, "SETTLE_SECONDS", -2.0)
    store = Store(Settings(redis_url=redis_url, s3_endpoint_url="http://127.0.0.1:9", lease_seconds=0.1))
    dead_upload(store)
    assert artifact_cleanup.sweep(store) == 1
    assert store.connection.hlen(artifact_cleanup.WITHDRAW) == 1


def test_a_completed_job_keeps_its_artifact(store: Store, s3: Any) -> None:
    store.add(JOB, {}, {})
    claim = store.claim(JOB, "w")
    assert claim is not None
    store.beat(claim, "upload", URI)
    s3.put_object(
        Bucket="out", Key="a/m-ml_c5.tar.gz", Body=b"1", Metadata={OWNER: artifact_cleanup.owner(JOB, claim.fence)}
    )
    store.finish(claim, JobStatus.COMPLETED)
    assert artifact_cleanup.sweep(store) == 0
    assert keys(s3) == ["a/m-ml_c5.tar.gz"]
    s3.delete_object(Bucket="out", Key="a/m-ml_c5.tar.gz")
