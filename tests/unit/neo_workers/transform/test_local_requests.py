"""Requests to a model's process and back, also when the process ends."""

import threading
from concurrent.futures import Future

import pytest
from support.waiting import GENEROUS_SECONDS, until

from neo_workers.hosting.invocations import LOST, STOPPED, Answer, Invocation
from neo_workers.transform.local_requests import LocalRequests

ASKED = Invocation("text/csv", "", b"1,2")
DONE = Answer(200, "text/csv", b"3")


@pytest.fixture
def requests() -> LocalRequests:
    return LocalRequests()


def ask(requests: LocalRequests, seconds: float = GENEROUS_SECONDS) -> "Future[Answer | None]":
    future: Future[Answer | None] = Future()
    threading.Thread(target=lambda: future.set_result(requests.invoke(ASKED, seconds)), daemon=True).start()
    return future


def taken(requests: LocalRequests) -> str:
    number, invocation = until(lambda: requests.take("", 0.1))
    assert invocation == ASKED
    return number


def test_a_request_is_answered(requests: LocalRequests) -> None:
    answer = ask(requests)
    requests.answer("", taken(requests), DONE)
    assert answer.result(GENEROUS_SECONDS) == DONE
    assert requests.take("", 0.01) is None
    assert requests.recover("") == 0


def test_a_request_is_run_again_once(requests: LocalRequests) -> None:
    answer = ask(requests)
    first = taken(requests)
    assert requests.recover("") == 1
    assert taken(requests) == first
    assert requests.recover("") == 1
    assert answer.result(GENEROUS_SECONDS) == LOST


def test_nobody_waits_for_what_took_too_long(requests: LocalRequests) -> None:
    answer = ask(requests, 0.05)
    number = taken(requests)
    assert answer.result(GENEROUS_SECONDS) is None
    assert requests.recover("") == 1
    assert requests.take("", 0.01) is None
    requests.answer("", number, DONE)


def test_closing_answers_what_waits_and_what_comes(requests: LocalRequests) -> None:
    answer = ask(requests)
    taken(requests)
    requests.close("")
    assert answer.result(GENEROUS_SECONDS) == STOPPED
    assert requests.invoke(ASKED, 0.01) == STOPPED
