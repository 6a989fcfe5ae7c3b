"""Records, leases and streams on a real Valkey."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from neo_workers.hosting import endpoint_streams
from neo_workers.hosting.endpoint_store import LEASE, EndpointStore
from neo_workers.hosting.endpoints import Endpoint, EndpointId, EndpointStatus
from neo_workers.jobs import Scope
from neo_workers.settings import Settings
from neo_workers.store.record_hash import own_name
from neo_workers.store.store import Store

SCOPE = Scope("123456789012", "us-east-1")
ID = EndpointId(SCOPE, "e")


@pytest.fixture
def store(redis_url: str) -> Iterator[EndpointStore]:
    jobs = Store(Settings(redis_url=redis_url))
    yield EndpointStore(jobs)
    jobs.connection.close()


def made(status: EndpointStatus = EndpointStatus.CREATING, hold: int = 2**62, name: str = "e") -> Endpoint:
    return Endpoint(EndpointId(SCOPE, name), "c", status, (), 1, 1, hold)


def test_what_is_written_is_read(store: EndpointStore) -> None:
    assert store.get(ID) is None
    store.update(ID, lambda _: made())
    assert store.get(ID) == made()
    other = EndpointId(Scope("123456789012", "eu-west-1"), "e")
    store.update(other, lambda _: replace(made(), id=other))
    assert [one.id for one in store.all(SCOPE)] == [ID]
    assert len(store.all()) == 2


def test_no_change_is_lost_when_many_change_one(store: EndpointStore) -> None:
    store.update(ID, lambda _: made())

    def count() -> None:
        for _ in range(20):
            store.update(ID, lambda found: replace(found, modified_ms=found.modified_ms + 1) if found else None)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.get(ID)
    assert found is not None
    assert found.modified_ms == 81


def test_reading_settles(store: EndpointStore) -> None:
    store.update(ID, lambda _: made(EndpointStatus.DELETING))
    assert store.get(ID) is not None
    version = store.version()
    store.update(ID, lambda found: replace(found, hold_until_ms=0) if found else None)
    assert store.get(ID) is None
    assert store.all() == []
    assert store.version() != version


def test_each_change_of_status_is_an_event(store: EndpointStore) -> None:
    reader = endpoint_streams.StreamReader(lambda: store.connection)
    reader.begin()
    store.update(ID, lambda _: made())
    store.update(ID, lambda found: replace(found, modified_ms=7) if found else None)
    store.update(ID, lambda found: replace(found, status=EndpointStatus.FAILED) if found else None)
    assert [one.status for one in reader.read_events()] == [EndpointStatus.CREATING, EndpointStatus.FAILED]
    assert reader.read_events() == []


def test_lines_are_read_once_and_in_order(store: EndpointStore) -> None:
    for text in ("one", "two"):
        endpoint_streams.add_line(store.connection, SCOPE, "group", "v/i-1", text)
    reader = endpoint_streams.StreamReader(lambda: store.connection)
    assert [(line.scope, line.group, line.stream, line.text) for line in reader.read_lines()] == [
        (SCOPE, "group", "v/i-1", "one"),
        (SCOPE, "group", "v/i-1", "two"),
    ]
    assert reader.read_lines() == []


def test_a_lease_is_one_process_s(store: EndpointStore) -> None:
    host = own_name().rpartition(":")[0]
    store.connection.set(LEASE + "g", f"{host}:1")  # init: alive
    assert not store.acquire_lease("g")
    store.connection.set(LEASE + "g", "another-host:1")  # nobody can know
    assert not store.acquire_lease("g")
    store.connection.set(LEASE + "g", f"{host}:{2**22 + 1}")  # larger than any pid
    assert store.acquire_lease("g")
    assert store.acquire_lease("g")
    assert store.connection.get(LEASE + "g") == f"{host}:{os.getpid()}"
    store.release_lease("g")
    assert store.connection.get(LEASE + "g") is None
