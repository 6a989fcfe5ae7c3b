"""Passes requests to a model and its answers back, through Redis.

    neo:hosting:queue:<generation>    ids that wait for that model; only a process that has loaded it takes them
    neo:hosting:busy:<generation>     ids that were taken and not yet answered
    neo:hosting:request:<id>          head, body, tries
    neo:hosting:answer:<id>           the answer, in a list on which the sender waits
    neo:hosting:closed:<generation>   no process will take requests from that queue any more

If a process died, the requests that it had taken are in the busy list: `recover` queues each once more; the second
time it is answered with a server error.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from typing import Any, cast

import redis

from neo_workers.store.redis_client import Connections

QUEUE, BUSY = "neo:hosting:queue:", "neo:hosting:busy:"
REQUEST, ANSWER, CLOSED = "neo:hosting:request:", "neo:hosting:answer:", "neo:hosting:closed:"
MODEL_SECONDS = 60.0
"""How long a model may take. Source: API_runtime_InvokeEndpoint."""
KEEP_SECONDS = 90
"""Requests and answers that no process takes expire after that time."""
MOST_TRIES = 2
CONTENT_TYPE = "text/plain"


@dataclass(frozen=True)
class Invocation:
    """A request as the container receives it."""

    content_type: str
    accept: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """The container's response: HTTP status, content type and body."""

    status: int
    content_type: str
    body: bytes


LOST = Answer(500, CONTENT_TYPE, b"the model's process ended while it ran this request, twice")
STOPPED = Answer(0, CONTENT_TYPE, b"")
"""The request was not completed, because its model is no longer served. A newer generation may have replaced it."""


class InvocationQueue:
    """The queue, for senders and receivers. Safe to share between threads, not between processes."""

    def __init__(self, url: str) -> None:
        pooled = redis.Redis.from_url(
            url, decode_responses=False, socket_timeout=MODEL_SECONDS + 5, socket_connect_timeout=2
        )
        self._connections = Connections(pooled)

    @property
    def connection(self) -> Any:
        """This thread's Redis client, which returns bytes."""
        return self._connections.own

    def invoke(self, generation: str, invocation: Invocation, timeout_seconds: float = MODEL_SECONDS) -> Answer | None:
        """The model's answer, STOPPED if it is no longer served, None if there was none in time."""
        number = f"{random.getrandbits(64):016x}"
        head = json.dumps([invocation.content_type, invocation.accept])
        batch = self.connection.pipeline(transaction=False)
        batch.hset(REQUEST + number, mapping={"head": head, "body": invocation.body})
        batch.expire(REQUEST + number, KEEP_SECONDS)
        batch.lpush(QUEUE + generation, number)
        batch.exists(CLOSED + generation)
        if batch.execute()[-1] and self.connection.lrem(QUEUE + generation, 1, number):
            self.connection.delete(REQUEST + number)
            return STOPPED
        came = self.connection.blpop([ANSWER + number], timeout=timeout_seconds)
        if came is None:
            self.connection.delete(REQUEST + number)
            return None
        head_line, _, body = cast("bytes", came[1]).partition(b"\n")
        return Answer(**json.loads(head_line), body=body)

    def take(self, generation: str, timeout_seconds: float) -> tuple[str, Invocation] | None:
        """The next request's id and the request, None if none came in time or its sender has given up."""
        taken = self.connection.blmove(QUEUE + generation, BUSY + generation, timeout_seconds, "RIGHT", "LEFT")
        if taken is None:
            return None
        number = taken.decode()
        head, body = self.connection.hmget(REQUEST + number, ["head", "body"])
        if head is None or body is None:
            self.connection.lrem(BUSY + generation, 1, number)
            return None
        content_type, accept = json.loads(head)
        return number, Invocation(content_type, accept, body)

    def answer(self, generation: str, number: str, answer: Answer) -> None:
        """Sends the answer to a request that was taken."""
        head = asdict(answer)
        body = head.pop("body")
        batch = self.connection.pipeline(transaction=True)
        batch.rpush(ANSWER + number, json.dumps(head).encode() + b"\n" + body)
        batch.expire(ANSWER + number, KEEP_SECONDS)
        batch.delete(REQUEST + number)
        batch.lrem(BUSY + generation, 1, number)
        batch.execute()

    def recover(self, generation: str) -> int:
        """Requeues the requests that a dead process had taken, at the front; returns their number."""
        numbers = self.connection.lrange(BUSY + generation, 0, -1)
        for raw in numbers:
            number = raw.decode()
            if not self.connection.exists(REQUEST + number):
                self.connection.lrem(BUSY + generation, 1, number)
            elif self.connection.hincrby(REQUEST + number, "tries", 1) >= MOST_TRIES:
                self.answer(generation, number, LOST)
            else:
                batch = self.connection.pipeline(transaction=True)
                batch.lrem(BUSY + generation, 1, number)
                batch.rpush(QUEUE + generation, number)
                batch.execute()
        return len(numbers)

    def close(self, generation: str) -> None:
        """Answers all remaining requests with STOPPED: the model will not be served any more."""
        self.connection.set(CLOSED + generation, 1, ex=10 * KEEP_SECONDS)
        for key in (BUSY, QUEUE):
            while (raw := self.connection.rpop(key + generation)) is not None:
                self.answer(generation, raw.decode(), STOPPED)
