"""Records as text in one Redis hash, each changed by compare-and-set; and leases: which process works on what.

<key>   name -> record        <version>   changes with every change        <lease><name>   host:pid
"""

from __future__ import annotations

import os
import random
import socket
import time
from functools import cached_property
from typing import cast

from redis.commands.core import Script

from neo_workers.store.store import Store

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


class RecordHash:
    """Safe to share between threads and to use from many processes. redis.exceptions.RedisError passes through."""

    def __init__(self, store: Store, key: str, version: str) -> None:
        self._redis, self._key, self._version = store.connection, key, version

    @cached_property
    def _compare_and_set(self) -> Script:
        return self._redis.register_script(_COMPARE_AND_SET)

    def get(self, name: str) -> str:
        """The record, "" where there is none."""
        return str(self._redis.hget(self._key, name) or "")

    def all(self) -> dict[str, str]:
        """Every record by its name."""
        return cast("dict[str, str]", self._redis.hgetall(self._key))

    def put(self, name: str, before: str, after: str) -> bool:
        """Writes `after` ("" deletes), if the record still is `before`; whether it was."""
        arguments = [name, before, after, f"{random.getrandbits(64):x}"]
        return bool(self._compare_and_set(keys=[self._key, self._version], args=arguments))

    def version(self) -> str:
        """A text that differs after every change of any record."""
        return str(self._redis.get(self._version) or "")


class Leases:
    """Which process works on what, for `lease_seconds` unless it holds on."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._redis, self._prefix = store.connection, prefix
        self._lease_ms = int(store.settings.lease_seconds * 1000)

    @cached_property
    def _renew(self) -> Script:
        return self._redis.register_script(_RENEW)

    def acquire(self, name: str) -> bool:
        """Takes or renews the lease of `name`, if nobody alive has it; whether this process has it now."""
        holder = str(self._redis.get(self._prefix + name) or "")
        dead = holder if holder and not _may_live(holder) else ""
        return bool(self._renew(keys=[self._prefix + name], args=[own_name(), self._lease_ms, dead]))

    def release(self, name: str) -> None:
        """Gives the lease up, so that others can take it."""
        if self._redis.get(self._prefix + name) == own_name():
            self._redis.delete(self._prefix + name)


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
