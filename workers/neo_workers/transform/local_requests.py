"""Requests of a transform job's threads to its model's process, and the answers, in memory."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field

from neo_workers.hosting.invocations import LOST, MOST_TRIES, STOPPED, Answer, Invocation


@dataclass
class _Request:
    invocation: Invocation
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None
    tries: int = 0
    given_up: bool = False  # nobody waits for the answer any more

    def settle(self, answer: Answer) -> None:
        self.answer = answer
        self.answered.set()


class LocalRequests:
    """Both ends, like InvocationQueue, for one process. Its generations are all the same to it."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._requests: dict[str, _Request] = {}
        self._busy: list[str] = []
        self._count = 0
        self._closed = False
        self._lock = threading.Lock()

    def invoke(self, invocation: Invocation, timeout_seconds: float) -> Answer | None:
        """The model's answer, STOPPED after `close`, None if there was none in time."""
        request = _Request(invocation)
        with self._lock:
            if self._closed:
                return STOPPED
            self._count += 1
            number = str(self._count)
            self._requests[number] = request
        self._waiting.put(number)
        request.answered.wait(timeout_seconds)
        with self._lock:
            request.given_up = True
            self._requests.pop(number, None)
        return request.answer

    def take(self, generation: str, timeout_seconds: float) -> tuple[str, Invocation] | None:
        """The next request's id and the request, None if none came in time or nobody waits for it any more."""
        try:
            number = self._waiting.get(timeout=timeout_seconds)
        except queue.Empty:
            return None
        with self._lock:
            request = self._requests.get(number)
            if request is None or request.given_up:
                return None
            self._busy.append(number)
            return number, request.invocation

    def answer(self, generation: str, number: str, answer: Answer) -> None:
        """Sends the answer of a request that was taken."""
        with self._lock:
            if number in self._busy:
                self._busy.remove(number)
            if request := self._requests.get(number):
                request.settle(answer)

    def recover(self, generation: str) -> int:
        """Queues again what a process that is gone had taken; a request that was taken twice is LOST."""
        with self._lock:
            busy, self._busy = self._busy, []
            for number in busy:
                request = self._requests.get(number)
                if request is None or request.given_up:
                    continue
                request.tries += 1
                if request.tries >= MOST_TRIES:
                    request.settle(LOST)
                else:
                    self._waiting.put(number)
        return len(busy)

    def close(self, generation: str) -> None:
        """Answers all that waits with STOPPED, and whatever comes later."""
        with self._lock:
            self._closed = True
            for request in self._requests.values():
                request.settle(STOPPED)
