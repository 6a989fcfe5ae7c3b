"""Every endpoint's record: one Redis hash, whose fields are changed by compare-and-set.

neo:hosting:endpoints   id -> record        neo:hosting:version   changes with every change
neo:hosting:lease:<generation>              the process that serves it
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable
from functools import cached_property
from typing import cast

import redis
from redis.commands.core import Script

from neo_workers.hosting import endpoint_streams
from neo_workers.hosting.endpoints import Endpoint, EndpointId, settle
from neo_workers.jobs import Scope
from neo_workers.settings import Settings
from neo_workers.store.store import Store

ENDPOINTS, VERSION, LEASE = "neo:hosting:endpoints", "neo:hosting:version", "neo:hosting:lease:"

_COMPARE_AND_SET = """
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
redis.call('SET', KEYS[2], ARGV[4])
return 1
"""
_RENEW = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

Change = Callable[[Endpoint | None], Endpoint | None]
"""Maps a record (None if there is none) to the new one. May be called several times."""


class EndpointStore:
    """Endpoints of all accounts and regions. Safe to share between threads and to use from many processes.

    All methods raise redis.exceptions.RedisError if Redis is unavailable.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def settings(self) -> Settings:
        """The store's settings."""
        return self._store.settings

    def has_artifact(self, uri: str) -> bool:
        """Whether `uri` (s3://...) is the address of a COMPLETED job's artifact, whatever is stored there now."""
        return bool(self.connection.hexists("neo:artifacts", uri))

    @property
    def connection(self) -> redis.Redis:
        """The store's Redis client."""
        return self._store.connection

    @cached_property
    def _compare_and_set(self) -> Script:
        return self.connection.register_script(_COMPARE_AND_SET)

    @cached_property
    def _renew(self) -> Script:
        return self.connection.register_script(_RENEW)

    def get(self, endpoint_id: EndpointId) -> Endpoint | None:
        """The endpoint in its current state, None if there is none."""
        text = cast("str | None", self.connection.hget(ENDPOINTS, str(endpoint_id)))
        return self._settled(Endpoint.from_json(text)) if text else None

    def all(self, scope: Scope | None = None) -> list[Endpoint]:
        """Every endpoint, or those of one account and region."""
        rows = cast("dict[str, str]", self.connection.hgetall(ENDPOINTS))
        mine = (Endpoint.from_json(rows[name]) for name in rows if scope is None or name.startswith(f"{scope}:"))
        return [endpoint for one in mine if (endpoint := self._settled(one)) is not None]

    def _settled(self, endpoint: Endpoint) -> Endpoint | None:
        if settle(endpoint, now_ms()) == endpoint:
            return endpoint
        return self.update(endpoint.id, lambda found: found)

    def update(self, endpoint_id: EndpointId, change: Change) -> Endpoint | None:
        """The record after `change`, settled and written. A change of status becomes an EventBridge event."""
        while True:
            before = str(self.connection.hget(ENDPOINTS, str(endpoint_id)) or "")
            found = Endpoint.from_json(before) if before else None
            after = change(found)
            after = settle(after, now_ms()) if after is not None else None
            text = after.to_json() if after is not None else ""
            if text == before:
                return after
            if self._compare_and_set(
                keys=[ENDPOINTS, VERSION], args=[str(endpoint_id), before, text, f"{random.getrandbits(64):x}"]
            ):
                if after is not None and (found is None or found.status is not after.status):
                    endpoint_streams.add_event(self.connection, after)
                return after

    def version(self) -> str:
        """A text that differs after every change of any record."""
        return str(self.connection.get(VERSION) or "")

    def acquire_lease(self, generation: str) -> bool:
        """Takes or renews the lease of a generation, for `lease_seconds`; whether this process has it now."""
        key, lease_ms = LEASE + generation, int(self.settings.lease_seconds * 1000)
        holder = str(self.connection.get(key) or "")
        dead = holder if holder and not _may_live(holder) else ""
        return bool(self._renew(keys=[key], args=[own_name(), lease_ms, dead]))

    def release_lease(self, generation: str) -> None:
        """Gives the lease of a generation up, so that others can take it."""
        if self.connection.get(LEASE + generation) == own_name():
            self.connection.delete(LEASE + generation)


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def own_name() -> str:
    """A name that identifies this process: host:pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _may_live(holder: str) -> bool:
    """Whether a process may be alive. Processes of other hosts count as alive."""
    host, _, pid = holder.rpartition(":")
    if host != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        pass
    return True
