"""A worker's part in batch transform: it runs every job whose lease it gets, as many at once as it has slots."""

from __future__ import annotations

import functools
import logging
import threading
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from neo_workers.hosting import endpoint_streams
from neo_workers.hosting.served_variant import MakeTwin
from neo_workers.store.store import Store
from neo_workers.transform.jobs import TransformId, TransformJob, TransformStatus
from neo_workers.transform.store import TransformStore
from neo_workers.transform.surroundings import Surroundings

if TYPE_CHECKING:
    from neo_workers.transform.run import TransformRun

PAUSE_SECONDS = 0.05
SWEEP_SECONDS = 1.0
"""How often leases are renewed, and taken over, if no record has changed."""
LOG_GROUP = "/aws/sagemaker/TransformJobs"
END_SECONDS = 1.0

log = logging.getLogger(__name__)


class TransformHost:
    """Every running transform job of this process."""

    def __init__(self, store: Store, folder: Path, context: BaseContext, make_twin: MakeTwin) -> None:
        self._store = TransformStore(store)
        connection = store.connection

        def add_line(job_id: TransformId, stream: str, text: str) -> None:
            endpoint_streams.add_line(connection, job_id.scope, LOG_GROUP, stream, text)

        self._around = Surroundings(self._store, context, make_twin, folder, add_line)
        self._runs: dict[TransformId, TransformRun] = {}
        self._seen = "nothing yet"
        self._sweep_seconds = min(SWEEP_SECONDS, store.settings.lease_seconds / 3)

    def run(self, stop: threading.Event) -> None:
        """Runs jobs until `stop`; then they are left to other workers."""
        since = 0.0
        while not stop.wait(PAUSE_SECONDS):
            since += PAUSE_SECONDS
            try:
                ended = self._forget_ended()
                version = self._store.version()
                if ended or version != self._seen or since >= self._sweep_seconds:
                    self._look()
                    self._seen, since = version, 0.0
            except RedisError as error:
                log.debug("transform: the store is away: %s", error)
            except Exception:
                log.exception("transform")
        self._leave()

    def _look(self) -> None:
        active = {job.id: job for job in self._store.active()}
        for job_id, run in list(self._runs.items()):
            if job_id not in active or not self._store.leases.acquire(str(job_id)):
                run.abandon()  # deleted, or another worker has it
            elif active[job_id].status is TransformStatus.STOPPING:
                run.stop()
        for job in active.values():
            if job.id not in self._runs:
                self._take(job)

    def _take(self, job: TransformJob) -> None:
        stopping = job.status is TransformStatus.STOPPING
        free = len(self._runs) < self._store.settings.slots
        if not (stopping or free) or not self._store.leases.acquire(str(job.id)):
            return
        if stopping:
            self._store.finish(job, TransformStatus.STOPPED)
            self._store.leases.release(str(job.id))
        else:
            from neo_workers.transform.run import TransformRun  # boto3 takes long to import; most workers run no job

            self._runs[job.id] = TransformRun(job.id, self._around)

    def _forget_ended(self) -> bool:
        """Whether any run has ended."""
        ended = [job_id for job_id, run in self._runs.items() if not run.thread.is_alive()]
        for job_id in ended:
            del self._runs[job_id]
            self._store.leases.release(str(job_id))
        return bool(ended)

    def _leave(self) -> None:
        for run in self._runs.values():
            run.abandon()
        for job_id, run in self._runs.items():
            run.thread.join(END_SECONDS)
            try:
                self._store.leases.release(str(job_id))
            except RedisError as error:
                log.debug("a lease expires by itself: %s", error)


def start(store: Store, stop: threading.Event, work_root: Path, context: BaseContext, make_twin: MakeTwin) -> None:
    """Runs transform jobs in a daemon thread until `stop`."""
    folder = work_root / "transform"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    host = TransformHost(store, folder, context, make_twin)
    threading.Thread(target=functools.partial(host.run, stop), daemon=True, name="transform").start()
