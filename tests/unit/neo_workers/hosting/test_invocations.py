"""Requests to a model and back on a real Valkey, also when who ran them is gone."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from support.waiting import GENEROUS_SECONDS, until

from neo_workers.hosting.invocations import BUSY, LOST, QUEUE, STOPPED, Answer, Invocation, InvocationQueue

ASKED = Invocation("text/csv", "*/*", b"\x00\n1,2\xff")
DONE = Answer(200, "application/json", b'{"a":\n1}\x00')


@pytest.fixture
def queue(redis_url: str) -> InvocationQueue:
    return InvocationQueue(redis_url)


@pytest.fixture
def ask(queue: InvocationQueue) -> Callable[[], "Future[Answer | None]"]:
    """Sends ASKED from a thread; what comes back."""

    def send() -> "Future[Answer | None]":
        future: Future[Answer | None] = Future()
        run = threading.Thread(
            target=lambda: future.set_result(queue.invoke("g", ASKED, GENEROUS_SECONDS)), daemon=True
        )
        run.start()
        return future

    return send


def taken(queue: InvocationQueue) -> str:
    got = queue.take("g", GENEROUS_SECONDS)
    assert got is not None
    number, invocation = got
    assert invocation == ASKED
    return number


def test_a_request_is_answered(queue: InvocationQueue, ask: Any) -> None:
    answer = ask()
    number = taken(queue)
    queue.answer("g", number, DONE)
    assert answer.result(GENEROUS_SECONDS) == DONE
    assert queue.connection.keys("neo:hosting:*") == []


def test_nothing_comes_from_another_generation(queue: InvocationQueue, ask: Any) -> None:
    answer = ask()
    until(lambda: queue.connection.llen(QUEUE + "g"))
    assert queue.take("other", 0.01) is None
    queue.answer("g", taken(queue), DONE)
    assert answer.result(GENEROUS_SECONDS) == DONE


def test_a_request_without_an_answer_runs_out_of_time(queue: InvocationQueue) -> None:
    assert queue.invoke("g", ASKED, 0.05) is None
    assert queue.take("g", 0.01) is None  # its sender is gone
    assert queue.connection.llen(BUSY + "g") == 0


def test_what_a_dead_process_had_taken_is_run_once_more(queue: InvocationQueue, ask: Any) -> None:
    answer = ask()
    first = taken(queue)
    assert queue.recover("g") == 1
    assert taken(queue) == first
    queue.answer("g", first, DONE)
    assert answer.result(GENEROUS_SECONDS) == DONE


def test_what_kills_its_process_twice_is_a_server_error(queue: InvocationQueue, ask: Any) -> None:
    answer = ask()
    for _ in range(2):
        taken(queue)
        queue.recover("g")
    assert answer.result(GENEROUS_SECONDS) == LOST
    assert queue.recover("g") == 0


def test_a_model_that_is_no_longer_served_says_so(queue: InvocationQueue, ask: Any) -> None:
    running, waiting = ask(), ask()
    taken(queue)
    until(lambda: queue.connection.llen(QUEUE + "g"))
    queue.close("g")
    assert running.result(GENEROUS_SECONDS) == waiting.result(GENEROUS_SECONDS) == STOPPED
    assert queue.invoke("g", ASKED, GENEROUS_SECONDS) == STOPPED
