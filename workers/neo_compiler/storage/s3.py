"""Downloads models from S3 and uploads artifacts. Source: boto3; botocore's s3 model."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from neo_compiler.errors import CompileError, InputConfigurationError, InternalError, OutputConfigurationError
from neo_compiler.settings import CompilerSettings
from neo_compiler.storage.s3_uri import S3Uri

CHUNK_BYTES = 1 << 20
OWNER = "neo-emulator-job"
"""Name of the artifact's object metadata with the uploader's token: other jobs' objects are never deleted."""

log = logging.getLogger(__name__)
_SESSION_LOCK = Lock()
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NotFound"})
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
DUMMY = "neo-emulator"
"""Both keys if the environment has none, which the emulator accepts."""
SHAPING = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"})
NO_FILES: dict[str, tuple[None, list[str], str | None, None]] = {
    "profile": (None, [], None, None),
    "config_file": (None, [], os.devnull, None),
    "credentials_file": (None, [], os.devnull, None),
}
"""In place of botocore's rows for these: no variable of the environment sets them. Source: botocore.session.Session."""
ATTEMPTS = 11
"""Number of attempts of a call, with exponential backoff over some 20 seconds."""


def _config(attempts: int) -> Config:
    return Config(
        s3={"addressing_style": "path"},
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=60,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


class Storage:
    """One job's access to S3, with dummy credentials if the environment has none."""

    def __init__(self, endpoint_url: str | None, region: str, attempts: int = ATTEMPTS) -> None:
        self._endpoint_url = endpoint_url
        self._region = region
        self._attempts = attempts
        self._checked: set[str] = set()  # buckets known to exist in the job's region

    def check_output(self, place: S3Uri) -> None:
        """Raises OutputConfigurationError if the bucket is missing, not accessible or in another region."""
        with _errors(place, OutputConfigurationError, _no_bucket(place)):
            self._check_bucket(place, OutputConfigurationError)

    def download(self, source: S3Uri, target: Path, max_bytes: int) -> int:
        """Downloads an object to a file. Returns its size in bytes. Raises InputConfigurationError.

        One plain GET: ranged parallel GETs are up to twenty times slower on moto.
        """
        missing = f"S3 object does not exist. Bucket: {source.bucket}, Key: {source.key}"
        with _errors(source, InputConfigurationError, missing):
            if not source.key:
                raise InputConfigurationError(missing)
            self._check_bucket(source, InputConfigurationError)
            response = self._client.get_object(Bucket=source.bucket, Key=source.key)
            if response["ContentLength"] > max_bytes:
                raise InputConfigurationError(
                    f"The model archive has {response['ContentLength']} bytes; the most allowed is {max_bytes}"
                )
            with target.open("wb") as file:
                while chunk := response["Body"].read(CHUNK_BYTES):
                    file.write(chunk)
        return target.stat().st_size

    def keys(self, place: S3Uri) -> list[str]:
        """Keys of all objects below a prefix, in S3's order. Raises InputConfigurationError."""
        with _errors(place, InputConfigurationError, _no_bucket(place)):
            self._check_bucket(place, InputConfigurationError)
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
            return [row["Key"] for page in pages for row in page.get("Contents", [])]

    def read(self, place: S3Uri, max_bytes: int) -> bytes:
        """The content of an object. Raises InputConfigurationError, also if it is larger than `max_bytes`."""
        missing = f"S3 object does not exist. Bucket: {place.bucket}, Key: {place.key}"
        with _errors(place, InputConfigurationError, missing):
            response = self._client.get_object(Bucket=place.bucket, Key=place.key)
            if response["ContentLength"] > max_bytes:
                raise InputConfigurationError(f"{place} has more than {max_bytes} bytes")
            content: bytes = response["Body"].read()
            return content

    def upload(self, source: Path, target: S3Uri, kms_key_id: str | None = None, owner: str = "") -> None:
        """Uploads a file atomically as one object. Raises OutputConfigurationError.

        `owner` is stored with the object, for `remove`.
        """
        more: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}
        if owner:
            more["Metadata"] = {OWNER: owner}
        with _errors(target, OutputConfigurationError, _no_bucket(target)), source.open("rb") as file:
            self._client.put_object(Bucket=target.bucket, Key=target.key, Body=file, **more)

    def remove(self, place: S3Uri, owner: str) -> None:
        """Deletes the object if `owner` uploaded it. Raises InternalError if S3 is unavailable."""
        try:
            with _errors(place, OutputConfigurationError, _no_bucket(place)):
                found = self._client.head_object(Bucket=place.bucket, Key=place.key)["Metadata"].get(OWNER)
                if found == owner:
                    self._client.delete_object(Bucket=place.bucket, Key=place.key)
        except OutputConfigurationError:
            log.debug("nothing to remove at %s", place)

    def owner(self, place: S3Uri) -> str:
        """Who uploaded the object, "" where it does not say. Raises InputConfigurationError."""
        return str(self._head(place)["Metadata"].get(OWNER, ""))

    def modified(self, place: S3Uri) -> datetime:
        """When the object was put there, in whole seconds. Raises InputConfigurationError."""
        at: datetime = self._head(place)["LastModified"]
        return at

    def _head(self, place: S3Uri) -> Any:
        missing = f"S3 object does not exist. Bucket: {place.bucket}, Key: {place.key}"
        with _errors(place, InputConfigurationError, missing):
            return self._client.head_object(Bucket=place.bucket, Key=place.key)

    def _check_bucket(self, place: S3Uri, error: type[CompileError]) -> None:
        """Raises `error` if the bucket is in a region other than the job's, ClientError if it does not exist."""
        if place.bucket in self._checked:
            return
        response = self._client.head_bucket(Bucket=place.bucket)
        region = response.get("BucketRegion")
        region = region or response["ResponseMetadata"].get("HTTPHeaders", {}).get("x-amz-bucket-region")
        if region and region != self._region:
            raise error(
                f"Bucket {place.bucket} is in region {region} which is different from "
                f"AWS Sagemaker service region {self._region}"
            )
        self._checked.add(place.bucket)

    @property
    def _client(self) -> Any:
        return _client(self._endpoint_url, self._region, self._attempts)


def preload(settings: CompilerSettings) -> None:
    """Creates the client for forked processes. Opens no connection, starts no thread, keeps no secret."""
    client = _client(settings.s3_endpoint_url, settings.region, ATTEMPTS)
    for call in ("head_bucket", "get_object", "put_object"):  # signing fills botocore's caches
        client.generate_presigned_url(call, {"Bucket": "bucket", "Key": "key"} if "object" in call else {"Bucket": "b"})


def _client(endpoint_url: str | None, region: str, attempts: int) -> Any:
    """A client, cached by its arguments and environment, since creating one takes longer than using it."""
    access_key, secret_key, token = (os.environ.get(name) for name in KEYS)
    with _SESSION_LOCK:
        credentials = _session().get_credentials()
    if not (access_key and secret_key):
        access_key, secret_key, token = DUMMY, DUMMY, None
    credentials.access_key, credentials.secret_key, credentials.token = access_key, secret_key, token
    return _made(endpoint_url, region, attempts, _surroundings())


def _surroundings() -> tuple[tuple[str, str], ...]:
    """The environment variables that affect a client, except the keys."""
    return tuple(
        sorted(
            (name, value)
            for name, value in os.environ.items()
            if name not in KEYS and (name.startswith("AWS_") or name.upper() in SHAPING)
        )
    )


@lru_cache(maxsize=8)
def _made(endpoint_url: str | None, region: str, attempts: int, _: object) -> Any:
    with _SESSION_LOCK:  # clients are thread-safe, sessions are not
        return _session().client("s3", endpoint_url=endpoint_url, region_name=region, config=_config(attempts))


@lru_cache(maxsize=1)
def _session() -> Any:
    """One session for all clients: it caches the parsed models. It reads no user files and profiles."""
    session = botocore.session.Session(session_vars=NO_FILES)
    session.set_credentials(DUMMY, DUMMY)  # creates the credentials object that all clients use
    return boto3.session.Session(botocore_session=session)


def _no_bucket(place: S3Uri) -> str:
    return f"S3 bucket does not exist. Bucket: {place.bucket}"


@contextmanager
def _errors(place: S3Uri, error: type[CompileError], missing: str) -> Iterator[None]:
    """Converts botocore's errors: to `error` if S3 refuses, to InternalError if S3 is unavailable."""
    try:
        yield
    except ClientError as refusal:
        code = refusal.response.get("Error", {}).get("Code", "")
        status = refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _MISSING:
            raise error(missing) from refusal
        if status >= 500:
            raise InternalError(f"S3 failed at {place}: {refusal}") from refusal
        raise error(f"S3 refused {place}: {refusal}") from refusal
    except BotoCoreError as failure:
        raise InternalError(f"S3 cannot be reached for {place}: {failure}") from failure
