"""What a request touches in S3, noted by classes put in the place of moto's own.

Replaced in moto.s3.models, and nowhere else: `tempfile` (its one use: the buffer of FakeKey), `_VersionedKeyStore`,
`MultipartDict`, `S3Backend.get_bucket`, `FakeKey.__deepcopy__`, `FakeKey.instances_tracked`.
moto looks these names up when it calls them; FakeKey and FakeBucket themselves are registered by class and stay.
Source: moto 5.2.5, s3/models.py; tests/contract/test_durable_moto.py checks each.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from moto.s3 import models as s3

from neo_emulator.aws.persistence import pickling
from neo_emulator.aws.persistence.journal import Journal
from neo_emulator.aws.persistence.object_body import Body

Bucket = Any
"""moto's FakeBucket."""


class _Current(threading.local):
    transaction: Transaction | None = None


_current = _Current()
mutex = threading.RLock()
"""Held from the first S3 access of a request that writes to the end of its commit: disk order is memory order."""


class Transaction:
    """What one request has touched so far."""

    def __init__(self, writes: bool) -> None:
        self.writes = writes
        self.buckets: set[str] = set()
        self.entries: set[tuple[Bucket, str, str]] = set()  # bucket, "key" or "upload", name
        self._locked = False

    def lock(self) -> None:
        """Keeps other writers out until `unlock`."""
        if not self._locked:
            mutex.acquire()
            self._locked = True

    def unlock(self) -> None:
        """Lets them in again."""
        if self._locked:
            self._locked = False
            mutex.release()

    @property
    def must_commit(self) -> bool:
        """Whether anything may have changed. A GET may write too: S3's access logs."""
        return self.writes or self._locked


@contextmanager
def transaction(writes: bool) -> Iterator[Transaction]:
    """Notes what this thread touches from here on."""
    made = _current.transaction = Transaction(writes)
    try:
        yield made
    finally:
        _current.transaction = None
        made.unlock()


def _touch(bucket: Bucket, kind: str, name: str, *, change: bool = False) -> None:
    current = _current.transaction
    if current is not None and bucket is not None and (change or current.writes):
        current.lock()
        current.entries.add((bucket, kind, name))


class Keys(s3._VersionedKeyStore):  # type: ignore[misc]
    """A bucket's keys, each with its versions. Every read ends in __sgetitem__; objects are changed after a read."""

    bucket: Bucket = None  # set by get_bucket

    def __sgetitem__(self, key: str) -> Any:
        _touch(self.bucket, "key", key)
        return super().__sgetitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        _touch(self.bucket, "key", key, change=True)
        super().__setitem__(key, value)

    def setlist(self, key: str, list_: Any) -> None:
        _touch(self.bucket, "key", key, change=True)
        super().setlist(key, list_)

    def pop(self, key: str) -> None:
        _touch(self.bucket, "key", key, change=True)
        super().pop(key)


class Uploads(s3.MultipartDict):  # type: ignore[misc]
    """A bucket's multipart uploads under way."""

    bucket: Bucket = None  # set by get_bucket

    def __getitem__(self, key: str) -> Any:
        _touch(self.bucket, "upload", key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        _touch(self.bucket, "upload", key)
        return super().get(key, default)

    def __setitem__(self, key: str, value: Any) -> None:
        _touch(self.bucket, "upload", key, change=True)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        _touch(self.bucket, "upload", key, change=True)
        super().__delitem__(key)


class _NoList(list[Any]):
    """Takes nothing in: moto would keep every key ever made alive."""

    def append(self, item: Any) -> None:
        pass


def _list_without_bytes(key: Any, memo: object) -> Any:
    """A copy of a FakeKey on the same body: moto copies every version of a bucket to list them."""
    copy = object.__new__(type(key))
    copy.__dict__.update(key.__dict__, disposed=True, multipart=None)
    body: Body = key._value_buffer
    copy._value_buffer = Body(name=body.name, size=body.size)
    copy._value_buffer.pending, copy._value_buffer.closed = body.pending, True
    return copy


def forget_instances() -> None:
    """Keeps moto from remembering every key. To be called again after moto's own reset."""
    s3.FakeKey.instances_tracked = _NoList()


def install(journal: Journal) -> None:
    """Puts our classes into moto, once per process and before any bucket exists."""
    Body.journal = journal
    if s3._VersionedKeyStore is Keys:
        return
    s3.tempfile = SimpleNamespace(SpooledTemporaryFile=Body)
    s3._VersionedKeyStore, s3.MultipartDict = Keys, Uploads
    s3.FakeKey.__deepcopy__ = _list_without_bytes
    forget_instances()
    get_bucket = s3.S3Backend.get_bucket

    def get_and_note(self: Any, bucket_name: str) -> Bucket:
        bucket = get_bucket(self, bucket_name)
        if type(bucket) is s3.FakeBucket:
            bucket.keys.bucket = bucket.multiparts.bucket = bucket
            current = _current.transaction
            if current is not None and current.writes:
                current.buckets.add(bucket_name)
        return bucket

    s3.S3Backend.get_bucket = get_and_note
    pickling.remember_templates()
