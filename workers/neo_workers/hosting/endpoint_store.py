"""Every endpoint's record (neo:hosting:endpoints), and which process serves which generation."""

from __future__ import annotations

from collections.abc import Callable

import redis

from neo_workers.hosting import endpoint_streams
from neo_workers.hosting.endpoints import Endpoint, EndpointId, settle
from neo_workers.jobs import Scope
from neo_workers.settings import Settings
from neo_workers.store.record_hash import Leases, RecordHash, now_ms
from neo_workers.store.store import Store

ENDPOINTS, VERSION, LEASE = "neo:hosting:endpoints", "neo:hosting:version", "neo:hosting:lease:"

Change = Callable[[Endpoint | None], Endpoint | None]
"""Maps a record (None if there is none) to the new one. May be called several times."""


class EndpointStore:
    """Endpoints of all accounts and regions. Safe to share between threads and to use from many processes.

    All methods raise redis.exceptions.RedisError if Redis is unavailable.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records = RecordHash(store, ENDPOINTS, VERSION)
        self._leases = Leases(store, LEASE)

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

    def get(self, endpoint_id: EndpointId) -> Endpoint | None:
        """The endpoint in its current state, None if there is none."""
        text = self._records.get(str(endpoint_id))
        return self._settled(Endpoint.from_json(text)) if text else None

    def all(self, scope: Scope | None = None) -> list[Endpoint]:
        """Every endpoint, or those of one account and region."""
        rows = self._records.all()
        mine = (Endpoint.from_json(rows[name]) for name in rows if scope is None or name.startswith(f"{scope}:"))
        return [endpoint for one in mine if (endpoint := self._settled(one)) is not None]

    def _settled(self, endpoint: Endpoint) -> Endpoint | None:
        if settle(endpoint, now_ms()) == endpoint:
            return endpoint
        return self.update(endpoint.id, lambda found: found)

    def update(self, endpoint_id: EndpointId, change: Change) -> Endpoint | None:
        """The record after `change`, settled and written. A change of status becomes an EventBridge event."""
        while True:
            before = self._records.get(str(endpoint_id))
            found = Endpoint.from_json(before) if before else None
            after = change(found)
            after = settle(after, now_ms()) if after is not None else None
            text = after.to_json() if after is not None else ""
            if text == before:
                return after
            if self._records.put(str(endpoint_id), before, text):
                if after is not None and (found is None or found.status is not after.status):
                    endpoint_streams.add_event(self.connection, after)
                return after

    def version(self) -> str:
        """A text that differs after every change of any record."""
        return self._records.version()

    def acquire_lease(self, generation: str) -> bool:
        """Takes or renews the lease of a generation, for `lease_seconds`; whether this process has it now."""
        return self._leases.acquire(generation)

    def release_lease(self, generation: str) -> None:
        """Gives the lease of a generation up, so that others can take it."""
        self._leases.release(generation)
