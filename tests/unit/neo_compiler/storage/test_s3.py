import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from support.moto_server import moto_server

from neo_compiler.errors import InputConfigurationError, InternalError, OutputConfigurationError
from neo_compiler.storage.s3 import Storage
from neo_compiler.storage.s3_uri import S3Uri

REGION = "us-east-1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def s3(endpoint: str) -> Any:
    client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
    client.create_bucket(Bucket="models")
    return client


@pytest.fixture
def storage(endpoint: str, s3: Any) -> Storage:
    return Storage(endpoint, REGION)


def test_download(storage: Storage, s3: Any, tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    s3.put_object(Bucket="models", Key="a/m.tar.gz", Body=data)
    assert storage.download(S3Uri("models", "a/m.tar.gz"), tmp_path / "m", 1 << 30) == len(data)
    assert (tmp_path / "m").read_bytes() == data


@pytest.mark.parametrize("bucket, key", [("models", "none"), ("no-such-bucket", "m"), ("models", "")])
def test_download_of_what_is_not_there(bucket: str, key: str, storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(InputConfigurationError) as error:
        storage.download(S3Uri(bucket, key), tmp_path / "m", 1 << 30)
    assert str(error.value) == f"S3 object does not exist. Bucket: {bucket}, Key: {key}"


def test_download_of_too_much(storage: Storage, s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="models", Key="big", Body=b"12345")
    with pytest.raises(InputConfigurationError, match="has 5 bytes; the most allowed is 4"):
        storage.download(S3Uri("models", "big"), tmp_path / "m", 4)
    assert not (tmp_path / "m").exists()


def test_bucket_in_another_region(storage: Storage, endpoint: str, tmp_path: Path) -> None:
    client = boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-1")
    client.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    text = "Bucket far is in region eu-west-1 which is different from AWS Sagemaker service region us-east-1"
    with pytest.raises(InputConfigurationError) as error:
        storage.download(S3Uri("far", "m"), tmp_path / "m", 1)
    assert str(error.value) == text
    with pytest.raises(OutputConfigurationError) as refused:
        storage.check_output(S3Uri("far", "m"))
    assert str(refused.value) == text


def test_missing_output_bucket(storage: Storage) -> None:
    with pytest.raises(OutputConfigurationError, match=r"S3 bucket does not exist\. Bucket: nowhere"):
        storage.check_output(S3Uri("nowhere", "p/"))


def test_upload(storage: Storage, s3: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"artifact")
    storage.check_output(S3Uri("models", "out/a"))
    storage.upload(tmp_path / "a", S3Uri("models", "out/a"), kms_key_id="alias/key")
    answer = s3.get_object(Bucket="models", Key="out/a")
    assert answer["Body"].read() == b"artifact"
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", "alias/key")


def test_upload_without_key(storage: Storage, s3: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"artifact")
    storage.upload(tmp_path / "a", S3Uri("models", "plain"))
    assert s3.get_object(Bucket="models", Key="plain").get("ServerSideEncryption") != "aws:kms"


def test_unreachable(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="S3 cannot be reached"):
        Storage("http://127.0.0.1:9", REGION, attempts=1).check_output(S3Uri("models", ""))


def test_credentials_are_made_up_when_there_are_none(endpoint: str, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    Storage(endpoint, REGION).check_output(S3Uri("models", ""))


def test_only_the_owners_object_is_removed(endpoint: str, s3: Any, tmp_path: Path) -> None:
    storage, place = Storage(endpoint, REGION), S3Uri("models", "m-ml_c5.tar.gz")
    (tmp_path / "a").write_bytes(b"1")
    storage.upload(tmp_path / "a", place, owner="1:r:job:7")
    for other in ("1:r:job:8", ""):
        storage.remove(place, other)
    assert s3.get_object(Bucket="models", Key=place.key)["Body"].read() == b"1"
    for _ in range(2):  # the second time there is nothing left
        storage.remove(place, "1:r:job:7")
    assert "Contents" not in s3.list_objects_v2(Bucket="models", Prefix=place.key)
    storage.remove(S3Uri("no-such-bucket", "k"), "1:r:job:7")
    with pytest.raises(InternalError):
        Storage("http://127.0.0.1:9", REGION, attempts=1).remove(place, "1:r:job:7")
