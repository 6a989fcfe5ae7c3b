"""Redis that is killed, hangs, is emptied or full; messages that are no messages (rows 5 to 10)."""

import base64
import json
import signal
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from chaos.conftest import Settle
from chaos.invariants import HERE, create, request
from chaos.stack import Stack
from chaos.test_workers import attempts, running
from support import processes
from support.waiting import takes

from neo_workers.jobs import JobId
from neo_workers.queue import QUEUE, publisher
from neo_workers.settings import Settings


def down(stack: Stack, seconds: float) -> None:
    stack.parts["valkey"].kill()
    takes(seconds)
    stack.parts["valkey"].start()


def test_redis_killed(stack: Stack, settle: Settle) -> None:
    names, _ = running(stack, 3)
    begun = time.monotonic()
    down(stack, 1)
    outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert {attempts(stack, name) for name in names} == {1}
    assert all(worker.alive for worker in stack.workers)


@pytest.mark.long
def test_redis_killed_for_long(stack: Stack, settle: Settle) -> None:
    names, _ = running(stack, 3)
    begun = time.monotonic()
    down(stack, 10)  # longer than a lease
    outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert all(worker.alive for worker in stack.workers)


@pytest.mark.long
def test_redis_hangs(stack: Stack, settle: Settle) -> None:
    names, _ = running(stack, 2)
    begun = time.monotonic()
    stack.parts["valkey"].send(signal.SIGSTOP)
    once = stack.client("sagemaker", attempts=1)
    for call in (
        lambda: once.describe_compilation_job(CompilationJobName=names[0]),
        lambda: once.create_compilation_job(**request("never")),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    takes(10)  # longer than a lease
    stack.parts["valkey"].send(signal.SIGCONT)
    outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}


def broker(stack: Stack) -> Any:
    """Redis' database of messages."""
    pool = stack.store.connection.connection_pool.connection_kwargs
    import redis

    return redis.Redis(unix_socket_path=pool["path"], db=0)


@pytest.mark.long
def test_broker_emptied(stack: Stack, settle: Settle) -> None:
    names, _ = running(stack, 4)
    names += [create(stack) for _ in range(3)]  # these wait
    begun = time.monotonic()
    with broker(stack) as messages:
        messages.flushdb()
    outcome = settle(stack, names, begun=begun)
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert {attempts(stack, name) for name in names} == {1}


def test_store_emptied(stack: Stack, settle: Settle) -> None:
    names, owner = running(stack, 3)
    below = stack.compilers(owner)
    stack.store.connection.flushall()
    sagemaker = stack.client("sagemaker")
    for name in names:
        with pytest.raises(ClientError, match="ResourceNotFound"):
            sagemaker.describe_compilation_job(CompilationJobName=name)
    processes.all_gone(below)
    outcome = settle(stack, [create(stack) for _ in range(3)])
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert all(worker.alive for worker in stack.workers)


def test_redis_full(stack: Stack, settle: Settle) -> None:
    names, _ = running(stack, 2)
    once, connection = stack.client("sagemaker", attempts=1), stack.store.connection
    connection.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(ClientError) as refused:
            once.create_compilation_job(**request("too-much"))
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert once.describe_compilation_job(CompilationJobName=names[0])["CompilationJobStatus"] == "INPROGRESS"
        assert list(connection.scan_iter("*too-much*")) == []
        takes(1)  # long enough for jobs to be held up by it
    finally:
        connection.config_set("maxmemory", "0")
    outcome = settle(stack, [*names, create(stack)])
    assert set(outcome.statuses.values()) == {"COMPLETED"}


def envelope(body: bytes, **headers: object) -> bytes:
    """A message as kombu puts it into Redis."""
    properties = {
        "correlation_id": "1",
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": QUEUE},
        "delivery_tag": str(uuid.uuid4()),
        "body_encoding": "base64",
    }
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {"lang": "py", "task": publisher.TASK, "id": str(uuid.uuid4()), **headers},
            "properties": properties,
        }
    ).encode()


GARBAGE = {
    "unknown task": envelope(b"[[], {}, {}]", task="rm.rf"),
    "no arguments": envelope(b"[[], {}, {}]"),
    "wrong types": envelope(b'[[{"a": 1}], {}, {}]'),
    "no job": envelope(b'[["../../etc/passwd"], {}, {}]'),
    "body is no json": envelope(b"\xff\xfe"),
    "body of another shape": envelope(b'{"a": 1}'),
    "no headers": b"{}",
    "no json": b"garbage",
    "bytes": bytes(range(256)),
}


def test_bad_messages(stack: Stack, settle: Settle) -> None:
    names, _ = running(stack, 2)
    settings = Settings(redis_url=f"unix://{stack.socket}?db=1")
    with broker(stack) as messages:
        for data in GARBAGE.values():
            for _ in range(2):
                messages.lpush(QUEUE, data)
    for name in names:
        for _ in range(8):
            publisher.submit(JobId(HERE, name), settings)
    names.append(create(stack))
    outcome = settle(stack, names)
    assert set(outcome.statuses.values()) == {"COMPLETED"}
    assert {attempts(stack, name) for name in names} == {1}
    assert all(worker.alive for worker in stack.workers)
