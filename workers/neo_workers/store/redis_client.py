"""Connections to Redis: a shared pool, and a faster connection per thread for calls that requests wait for."""

from __future__ import annotations

import threading

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry


class Connections(threading.local):
    """Clients of one Redis. Safe to share between threads, not between processes.

    `own` keeps one connection per thread. A call costs half as much as with `pooled`, which checks before each call
    that the connection is alive; `own` reconnects after a failure.
    """

    def __init__(self, pooled: redis.Redis) -> None:
        self.pooled = pooled
        self._own: redis.Redis | None = None

    @property
    def own(self) -> redis.Redis:
        """This thread's client. Raises redis.exceptions.RedisError if Redis is unavailable."""
        if self._own is None:
            self._own = redis.Redis(connection_pool=self.pooled.connection_pool, single_connection_client=True)
        return self._own


def connect(url: str, timeout_seconds: float = 5.0) -> Connections:
    """Clients of the Redis at `url`; they connect on the first command.

    A call without a reply within `timeout_seconds` raises redis.exceptions.TimeoutError and is not retried.
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
    """Whether Redis is unavailable (down, hung, loading, out of memory or disk), not just refusing one call."""
    gone = (redis.ConnectionError, redis.TimeoutError, redis.exceptions.ReadOnlyError, redis.OutOfMemoryError)
    return isinstance(error, gone) or str(error).startswith("MISCONF")
