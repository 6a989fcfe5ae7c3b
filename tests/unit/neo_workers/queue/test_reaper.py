"""Announcements: how many messages wait for workers, on a real Valkey through Celery."""

import threading
from collections.abc import Iterator

import pytest
from support.waiting import stays, until

from neo_workers.jobs import JobId, Scope
from neo_workers.queue import QUEUE, publisher, reaper
from neo_workers.settings import Settings
from neo_workers.store.store import Store

JOBS = [JobId(Scope("123456789012", "us-east-1"), f"job-{number}") for number in range(5)]


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    store = Store(Settings(redis_url=redis_url, republish_seconds=0.01, reap_seconds=0.01))
    for job_id in JOBS:
        store.add(job_id, {}, {})
    yield store
    store.connection.close()


@pytest.fixture
def reaping(store: Store) -> Iterator[None]:
    stop = threading.Event()
    thread = reaper.start(store, stop)
    yield
    stop.set()
    thread.join()


def waiting(store: Store, queue: str = QUEUE) -> int:
    return publisher.messages(store.settings, queue)


@pytest.mark.usefixtures("reaping")
def test_a_backlog_has_one_message_for_each_job(store: Store) -> None:
    until(lambda: waiting(store) == len(JOBS))
    stays(lambda: waiting(store) == len(JOBS), 0.5)


@pytest.mark.usefixtures("reaping")
def test_lost_messages_are_sent_again(store: Store) -> None:
    until(lambda: waiting(store) == len(JOBS))
    store.connection.delete(QUEUE)
    until(lambda: waiting(store) == len(JOBS))


def test_no_room_for_more_messages_than_jobs(store: Store) -> None:
    assert (waiting(store, "another"), publisher.room(store, "another")) == (0, len(JOBS))
    for job_id in JOBS:
        publisher.submit(job_id, store.settings, "another")
    assert publisher.room(store, "another") == 0
    publisher.submit(JOBS[0], store.settings, "another")
    assert publisher.room(store, "another") == 0
    assert publisher.room(store) == len(JOBS)


def test_a_broker_that_cannot_count_gets_every_message(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "messages", lambda *_: 1 / 0)
    assert publisher.room(store) == len(JOBS)
