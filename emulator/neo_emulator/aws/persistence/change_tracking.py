"""Records what a request touches in S3, by subclasses that replace moto's own.

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

from neo_emulator.aws.moto_buffers import forget_instances
from neo_emulator.aws.persistence import pickling
from neo_emulator.aws.persistence.journal import Journal
from neo_emulator.aws.persistence.object_body import Body

Bucket = Any
"""moto's FakeBucket."""


class _Current(threading.local):
    transaction: Transaction | None = None


_current = _Current()
mutex = threading.RLock()
"""Held from a writing request's first S3 access until its commit, so that the order on disk is that in memory."""


class Transaction:
    """What one request has touched so far."""

    def __init__(self, writes: bool) -> None:
        self.writes = writes
        self.buckets: set[str] = set()
        self.entries: set[tuple[Bucket, str, str]] = set()  # bucket, "key" or "upload", name
        self._locked = False

    def lock(self) -> None:
        """Blocks other writers until `unlock`."""
        if not self._locked:
            mutex.acquire()
            self._locked = True

    def unlock(self) -> None:
        """Lets other writers continue."""
        if self._locked:
            self._locked = False
            mutex.release()

    @property
    def must_commit(self) -> bool:
        """Whether anything may have changed. Even a GET may write: S3 access logs."""
        return self.writes or self._locked


@contextmanager
def transaction(writes: bool) -> Iterator[Transaction]:
    """Records what this thread touches while the context is active."""
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
    """A bucket's keys, each with its versions. All reads use __sgetitem__; moto changes objects after a read."""

    bucket: Bucket = None  # set by get_bucket

    def __sgetitem__(self, key: str) -> Any:
        _touch(self.bucket, "key", key)
        return super().__sgetitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        _touch(self.bucket, "key", key, change=True)
        super().__setitem__(key, value)

    def setlist(self, key: str, list_: Any) -> None:
        """Replaces all versions of a key."""
        _touch(self.bucket, "key", key, change=True)
        super().setlist(key, list_)

    def pop(self, key: str) -> None:
        """Deletes a key with all its versions. Raises KeyError."""
        _touch(self.bucket, "key", key, change=True)
        super().pop(key)


class Uploads(s3.MultipartDict):  # type: ignore[misc]
    """A bucket's multipart uploads in progress."""

    bucket: Bucket = None  # set by get_bucket

    def __getitem__(self, key: str) -> Any:
        _touch(self.bucket, "upload", key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """An upload by its ID."""
        _touch(self.bucket, "upload", key)
        return super().get(key, default)

    def __setitem__(self, key: str, value: Any) -> None:
        _touch(self.bucket, "upload", key, change=True)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        _touch(self.bucket, "upload", key, change=True)
        super().__delitem__(key)


def _list_without_bytes(key: Any, memo: object) -> Any:
    """A copy of a FakeKey that shares its body: to list versions, moto copies every version of a bucket."""
    copy = object.__new__(type(key))
    copy.__dict__.update(key.__dict__, disposed=True, multipart=None)
    body: Body = key._value_buffer
    copy._value_buffer = Body(name=body.name, size=body.size)
    copy._value_buffer.pending, copy._value_buffer.closed = body.pending, True
    return copy


def install(journal: Journal) -> None:
    """Installs these classes into moto, once per process and before any bucket exists."""
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
