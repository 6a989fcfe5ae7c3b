"""Lists moto's buckets with their tags, and restores them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.s3 import models as s3

from neo_emulator.aws.persistence.change_tracking import Bucket, Keys, Uploads

Tags = dict[str, dict[str, str]]
"""Tags by the resource's ARN."""


def buckets() -> dict[str, Bucket]:
    """All buckets of all accounts; names are unique."""
    backends = [backend for regions in list(s3.s3_backends.values()) for backend in list(regions.values())]
    return {name: bucket for backend in backends for name, bucket in list(backend.buckets.items())}


def key_names(bucket: Bucket) -> list[str]:
    """The names of a bucket's keys; change tracking does not record this access."""
    return list(dict.keys(bucket.keys))


def entry(bucket: Bucket, kind: str, name: str) -> Any:
    """A key's versions or an upload, None if there is none; change tracking does not record this access."""
    return dict.get(bucket.keys if kind == "key" else bucket.multiparts, name)


def bucket_tags(bucket: Bucket) -> Tags:
    """The bucket's own tags."""
    return _tags(bucket, [bucket.arn])


def key_tags(bucket: Bucket, versions: list[Any]) -> Tags:
    """The tags of a key's versions."""
    return _tags(bucket, [version.arn for version in versions if type(version) is s3.FakeKey])


def _tags(bucket: Bucket, arns: list[str]) -> Tags:
    tags = _tagger(bucket).tags
    return {arn: tags[arn] for arn in arns if arn in tags}


def put_bucket(bucket: Bucket, tags: Tags) -> None:
    """Restores an empty bucket and registers its name as taken."""
    bucket.keys, bucket.multiparts = Keys(), Uploads()
    bucket.keys.bucket = bucket.multiparts.bucket = bucket
    s3.s3_backends[bucket.account_id][bucket.partition].buckets[bucket.name] = bucket
    s3.s3_backends.bucket_accounts[bucket.name] = (bucket.partition, bucket.account_id)
    _tagger(bucket).tags.update(tags)


def put_entry(bucket: Bucket, kind: str, name: str, value: Any, tags: Tags) -> None:
    """Restores a key's versions or an upload into a bucket."""
    dict.__setitem__(bucket.keys if kind == "key" else bucket.multiparts, name, value)
    _tagger(bucket).tags.update(tags)


def body_names(kind: str, value: Any) -> Iterator[str]:
    """The names of the bodies that a key's versions or an upload refer to."""
    keys = value if kind == "key" else value.parts.values()
    return (key._value_buffer.name for key in keys if type(key) is s3.FakeKey)


def _tagger(bucket: Bucket) -> Any:
    return s3.s3_backends[bucket.account_id][bucket.partition].tagger
