"""WSGI middleware around moto: what a request changed is on disk before its response is sent."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import moto

from neo_emulator.aws.moto import RESET_PATH
from neo_emulator.aws.persistence import buckets, change_tracking, pickling
from neo_emulator.aws.persistence.change_tracking import Transaction
from neo_emulator.aws.persistence.journal import Batch, Journal
from neo_emulator.aws.persistence.object_body import Body
from neo_emulator.aws.persistence.services import INDIRECT, Services
from neo_emulator.protocol.request_context import context_of

_READS = ("GET", "HEAD", "OPTIONS")
log = logging.getLogger(__name__)


class Persistence:
    """moto's application with its S3 and small services kept in `folder`. At most one in a process."""

    def __init__(self, application: WSGIApplication, folder: Path, fsync: bool = False) -> None:
        """Loads what the folder holds; damaged entries are logged and left out.

        Raises JournalError, OSError, sqlite3.Error.
        """
        self._application = application
        self._journal = Journal(folder, fsync)
        self._services = Services()
        self._known: dict[str, Any] = {}  # buckets as of the last commit
        self._touched = Transaction(writes=True)  # left over from a failed commit
        change_tracking.install(self._journal)
        self._load()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Runs the request and commits its changes before the response is returned. Raises what the commit raises."""
        service = context_of(environ).service
        with change_tracking.transaction(environ["REQUEST_METHOD"] not in _READS) as request:
            try:
                return self._application(environ, start_response)  # moto returns complete bytes, not a generator
            finally:
                if environ.get("PATH_INFO") == RESET_PATH and request.writes:
                    self._reset(request)
                elif request.must_commit:
                    request.lock()
                    self._commit(request, service)

    def _reset(self, request: Transaction) -> None:
        request.lock()
        self._journal.clear()
        self._services.forget()
        self._touched = Transaction(writes=True)
        self._known = {}

    def _commit(self, request: Transaction, service: str) -> None:
        """Commits the current state of everything touched. An error becomes a 500; the next request retries."""
        now = buckets.buckets()
        todo = self._touched
        todo.buckets |= request.buckets
        todo.entries |= request.entries
        batch, bodies = Batch(), list[Body]()
        batch.forget = [name for name, bucket in self._known.items() if now.get(name) is not bucket]
        made = {name for name, bucket in now.items() if self._known.get(name) is not bucket}
        for name in now if service in INDIRECT else (todo.buckets | made) & now.keys():
            data, _ = pickling.dump((now[name], buckets.bucket_tags(now[name])))
            batch.put.append(("bucket", name, "", data))
        entries = {entry for entry in todo.entries if now.get(entry[0].name) is entry[0]}
        for name in made & self._known.keys():  # deleted and created again since the last commit
            entries |= {(now[name], "key", key) for key in buckets.key_names(now[name])}
        for bucket, kind, name in entries:
            bodies += self._add_entry(batch, bucket, kind, name)
        small = [body for body in bodies if body.pending is not None]
        batch.bodies = [(body.name, body.pending) for body in small if body.pending is not None]
        changed = self._services.changes(service)
        batch.put += changed
        self._journal.commit(batch)
        for body in small:
            body.pending = None  # read from the journal from now on
        self._services.written(changed)
        self._known, self._touched = now, Transaction(writes=True)

    @staticmethod
    def _add_entry(batch: Batch, bucket: Any, kind: str, name: str) -> list[Body]:
        value = buckets.entry(bucket, kind, name)
        if not value:
            batch.remove.append((kind, bucket.name, name))
            return []
        data, bodies = pickling.dump((value, buckets.key_tags(bucket, value) if kind == "key" else {}))
        batch.put.append((kind, bucket.name, name, data))
        return bodies

    def _load(self) -> None:
        begun = time.monotonic()
        written_by = self._journal.meta("moto")
        if written_by not in (None, moto.__version__):
            log.warning("the data folder was written with moto %s; this is moto %s", written_by, moto.__version__)
        used: set[str] = set()
        loaded: dict[str, Any] = {}  # buckets
        lost: list[str] = []
        count = 0
        for kind, place, name, data in self._journal.rows():
            count += 1
            try:
                used.update(self._restore(loaded, kind, place, name, data))
            except Exception:
                log.debug("%s %s/%s", kind, place, name, exc_info=True)
                lost.append(f"{place}/{name}".rstrip("/"))
        if lost:
            log.error("%d entries of the data folder are damaged and not loaded: %s", len(lost), ", ".join(lost[:20]))
        swept = 0 if lost else self._journal.sweep(used)  # a damaged entry's body may be all that is left of it
        self._journal.set_meta("moto", moto.__version__)
        self._known = buckets.buckets()
        if count:
            log.info(
                "loaded %d rows of S3 and other services in %.2f s, deleted %d orphaned bodies",
                count,
                time.monotonic() - begun,
                swept,
            )

    def _restore(self, loaded: dict[str, Any], kind: str, place: str, name: str, data: bytes) -> Iterator[str]:
        """Gives moto what a row holds. Returns the names of its bodies; raises whatever a damaged row leads to."""
        if kind == "service":
            self._services.restore(place, name, data)
            return iter(())
        value, tags = pickling.load(data)
        if kind == "bucket":
            loaded[place] = value
            buckets.put_bucket(value, tags)
            return iter(())
        buckets.put_entry(loaded[place], kind, name, value, tags)
        return buckets.body_names(kind, value)
