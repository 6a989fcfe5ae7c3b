"""What durable/ takes for granted in moto. When one of these fails after an upgrade, read s3/models.py again."""

import inspect
import re

from moto.s3 import models as s3
from moto.s3.utils import _VersionedKeyStore

KEY_ATTRIBUTES = (
    "_etag _expiry _is_versioned _max_buffer_size _metadata _status _storage_class _tick _time_progressed _transitions "
    "_value_buffer _version_id account_id acl bucket_key_enabled bucket_name checksum_algorithm checksum_parts "
    "checksum_type checksum_value contentsize disposed encryption kms_key_id last_modified lock lock_legal_status "
    "lock_mode lock_until model_name multipart name partition region_name website_redirect_location"
)
BUCKET_ATTRIBUTES = (
    "accelerate_configuration account_id acl bucket_namespace cors creation_date default_lock_days default_lock_mode "
    "default_lock_years encryption inventory_configs keys logging multiparts name notification_configuration "
    "object_lock_enabled ownership_rule partition payer policy public_access_block region_name rules "
    "versioning_status website_configuration"
)
SOURCE = inspect.getsource(s3)


def test_attributes_of_a_key_and_a_bucket() -> None:
    """A new one gets its default in old data folders: is that right for it, and does it pickle?"""
    key = s3.FakeKey("k", b"", "0" * 12, "us-east-1")
    bucket = s3.FakeBucket("contract-b", "0" * 12, "us-east-1")
    s3.s3_backends.bucket_accounts.pop("contract-b")
    assert sorted(key.__dict__) == sorted(KEY_ATTRIBUTES.split())
    assert sorted(bucket.__dict__) == sorted(BUCKET_ATTRIBUTES.split())
    key.dispose()


def test_tempfile_is_the_buffer_of_a_key_and_nothing_else() -> None:
    assert set(re.findall(r"\btempfile\.(\w+)", SOURCE)) == {"SpooledTemporaryFile"}
    assert set(re.findall(r"_value_buffer\.(\w+)\(", SOURCE)) == {"seek", "truncate", "write", "read", "close"}
    assert SOURCE.count("._value_buffer.write(") == 1  # always the whole content


def test_key_stores_write_through_four_methods() -> None:
    assert s3._VersionedKeyStore in (_VersionedKeyStore, *_VersionedKeyStore.__subclasses__())
    own = {name for name, value in vars(_VersionedKeyStore).items() if inspect.isfunction(value)}
    assert {"__sgetitem__", "__setitem__", "setlist", "pop"} <= own
    source = inspect.getsource(_VersionedKeyStore)
    assert source.count("super().__getitem__") == 1  # all reads end in __sgetitem__
    assert source.count("super().__setitem__") == 2
    assert source.count("super().pop") == 1
    assert re.findall(r"= (_VersionedKeyStore|MultipartDict)\(\)", SOURCE).count("MultipartDict") >= 1


def test_uploads_are_a_dict() -> None:
    assert issubclass(s3.MultipartDict, dict)


def test_places_of_buckets_and_tags() -> None:
    backend = s3.s3_backends["0" * 12]["aws"]
    assert isinstance(backend.buckets, dict)
    assert isinstance(backend.tagger.tags, dict)
    assert isinstance(s3.s3_backends.bucket_accounts, dict)
    assert list(inspect.signature(s3.S3Backend.get_bucket).parameters) == ["self", "bucket_name"]


def test_keys_are_remembered_in_a_list_of_their_class() -> None:
    assert isinstance(s3.FakeKey.instances_tracked, list)
