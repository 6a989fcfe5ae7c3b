"""Connections to Redis: a pool for anyone, and for the calls that requests wait for one connection per thread."""

from __future__ import annotations

import threading

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry


class Connections(threading.local):
    """Clients of one Redis. Safe to share between threads, not between processes.

    `own` keeps one connection for the thread that asks. It is half as dear as `pooled`, which asks each connection
    first whether it still lives; `own` finds that out when it fails, and connects again.
    """

    def __init__(self, pooled: redis.Redis) -> None:
        self.pooled = pooled
        self._own: redis.Redis | None = None

    @property
    def own(self) -> redis.Redis:
        """This thread's client. Raises redis.exceptions.RedisError when Redis is away."""
        if self._own is None:
            self._own = redis.Redis(connection_pool=self.pooled.connection_pool, single_connection_client=True)
        return self._own


def connect(url: str, timeout_seconds: float = 5.0) -> Connections:
    """Clients of the Redis at `url`; nothing is sent before the first command.

    A call that gets no answer within `timeout_seconds` raises redis.exceptions.TimeoutError and is not tried again.
    """
    pooled = redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=2,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.3, base=0.02), 2, (redis.ConnectionError,)),
    )
    return Connections(pooled)


def is_away(error: redis.RedisError) -> bool:
    """Whether Redis cannot serve at all now (gone, hung, loading, full, no disk), rather than refuse one call."""
    gone = (redis.ConnectionError, redis.TimeoutError, redis.exceptions.ReadOnlyError, redis.OutOfMemoryError)
    return isinstance(error, gone) or str(error).startswith("MISCONF")
