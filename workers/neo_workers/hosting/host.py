"""A worker's part in hosting: it serves every variant whose lease it gets, and stops those that are deleted."""

from __future__ import annotations

import logging
import shutil
import threading
from multiprocessing.context import BaseContext
from pathlib import Path

from redis.exceptions import RedisError

from neo_workers.hosting import endpoint_streams
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.hosting.endpoints import Endpoint, EndpointId, EndpointStatus, Variant, log_group
from neo_workers.hosting.invocations import InvocationQueue
from neo_workers.hosting.served_variant import MakeTwin, ServedVariant, Surroundings
from neo_workers.store.store import Store

PAUSE_SECONDS = 0.05
SWEEP_SECONDS = 1.0
"""How often leases are renewed and taken over if no record has changed."""
TRANSITIONAL = frozenset({EndpointStatus.CREATING, EndpointStatus.UPDATING, EndpointStatus.DELETING})

log = logging.getLogger(__name__)


class Host:
    """All served variants of this process."""

    def __init__(self, store: Store, folder: Path, context: BaseContext, make_twin: MakeTwin) -> None:
        self._store = EndpointStore(store)
        queue = InvocationQueue(store.settings.store_url)
        connection = store.connection

        def add_line(endpoint_id: EndpointId, stream: str, text: str) -> None:
            endpoint_streams.add_line(connection, endpoint_id.scope, log_group(endpoint_id.name), stream, text)

        self._around = Surroundings(store.settings, self._store, queue, context, make_twin, folder, add_line)
        self._served: dict[str, ServedVariant] = {}  # by generation
        self._ending: list[ServedVariant] = []
        self._seen = "nothing yet"
        self._settling = False  # some endpoint's status may change with time alone
        self._lease_seconds = min(SWEEP_SECONDS, store.settings.lease_seconds / 3)

    def run(self, stop: threading.Event) -> None:
        """Serves until `stop` is set, then ends every process."""
        since = 0.0
        while not stop.wait(PAUSE_SECONDS):
            since += PAUSE_SECONDS
            try:
                version = self._store.version()
                if version != self._seen or self._settling or since >= self._lease_seconds:
                    self._reconcile()
                    self._seen, since = version, 0.0
                self._remove_ended()
            except RedisError as error:
                log.debug("hosting: the store is unavailable: %s", error)
            except Exception:
                log.exception("hosting")
        for served in self._served.values():
            served.stop()
        for served in self._served.values():
            served.thread.join(1)
        self._release_all()

    def _reconcile(self) -> None:
        """Starts the wanted variants whose lease this process gets, and stops those that are no longer wanted."""
        endpoints = self._store.all()
        self._settling = any(endpoint.status in TRANSITIONAL for endpoint in endpoints)
        wanted = {variant.generation: (endpoint, variant) for endpoint in endpoints for variant in endpoint.wanted}
        for generation in self._served.keys() - wanted.keys():
            self._stop(generation)
        for generation, (endpoint, variant) in wanted.items():
            self._serve(endpoint, variant, generation)

    def _serve(self, endpoint: Endpoint, variant: Variant, generation: str) -> None:
        held = self._store.acquire_lease(generation)
        served = self._served.get(generation)
        if served is None and held:
            self._served[generation] = ServedVariant(EndpointId.parse(str(endpoint.id)), variant, self._around)
        elif served is not None and not held:  # another process has it now
            served.stop()
            self._ending.append(self._served.pop(generation))
        elif served is not None and not served.thread.is_alive() and variant.state != "Failed":
            del self._served[generation]  # the store was unavailable; the next round starts it again

    def _stop(self, generation: str) -> None:
        served = self._served.pop(generation)
        served.stop()
        self._ending.append(served)

    def _remove_ended(self) -> None:
        """Removes the variants whose threads have ended."""
        for served in [one for one in self._ending if not one.thread.is_alive()]:
            self._ending.remove(served)
            served.forget()
            self._store.release_lease(served.variant.generation)

    def _release_all(self) -> None:
        for generation in self._served:
            try:
                self._store.release_lease(generation)
            except RedisError as error:
                log.debug("a lease could not be released and will expire: %s", error)


def start(store: Store, stop: threading.Event, work_root: Path, context: BaseContext, make_twin: MakeTwin) -> None:
    """Serves endpoints from a daemon thread until `stop`. Models are stored in the data folder, if there is one."""
    data_dir = store.settings.data_dir
    folder = (data_dir or work_root) / "hosting"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if data_dir is not None:
        _sweep(folder, store)
    host = Host(store, folder, context, make_twin)
    threading.Thread(target=host.run, args=(stop,), daemon=True, name="hosting").start()


def _sweep(folder: Path, store: Store) -> None:
    """Removes the files of generations that no endpoint uses any more."""
    try:
        wanted = {v.generation for endpoint in EndpointStore(store).all() for v in endpoint.wanted}
    except RedisError as error:
        log.debug("hosting: no unused files are removed, the store is unavailable: %s", error)
        return
    for path in folder.iterdir():
        if path.name not in wanted:
            shutil.rmtree(path, ignore_errors=True)
