"""NEO_EMULATOR_AUTH=sigv4 and S3: what is open to all needs no signature; presigned URLs of both versions verify."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.config import Config
from support.live import serving
from support.waiting import until

from neo_emulator.gateway.app import create_app
from neo_workers.settings import Settings
from neo_workers.store.store import Store

KEY, SECRET = "AKIAKNOWN", "s3cr3t/with+signs"
BUCKET = "models"


@pytest.fixture
def url(redis_url: str) -> Iterator[str]:
    settings = Settings(redis_url=redis_url, auth="sigv4", access_keys=f"{KEY}:{SECRET}")
    with serving(create_app(settings, Store(settings), lambda _: None)) as url:
        yield url


@pytest.fixture
def connect(url: str) -> Callable[..., Any]:
    """A boto3 S3 client: connect("s3") signs with version 2, connect("s3v4") with version 4."""

    def make(version: str = "s3v4", secret: str = SECRET, style: str = "path") -> Any:
        config = Config(signature_version=version, retries={"total_max_attempts": 1}, s3={"addressing_style": style})
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": secret}
        return boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config, **keys)

    return make


@pytest.fixture
def s3(connect: Callable[..., Any]) -> Any:
    client = connect()
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="private", Body=b"private")
    client.put_object(Bucket=BUCKET, Key="open key+é", Body=b"open", ACL="public-read")
    return client


def fetch(address: str, method: str = "GET", data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(address, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource, **more}


ALL = f"arn:aws:s3:::{BUCKET}/*"
OPEN = f"/{BUCKET}/open%20key%2B%C3%A9"


def test_objects_that_are_public_by_acl(s3: Any, url: str) -> None:
    assert fetch(url + OPEN) == (200, b"open")
    assert fetch(url + OPEN, "HEAD")[0] == 200
    status, body = fetch(f"{url}/{BUCKET}/private")
    assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)
    assert fetch(f"{url}/{BUCKET}/nothing")[0] == 403  # 404 would tell who may not list
    assert fetch(url + OPEN, "DELETE")[0] == 403
    assert fetch(url + OPEN, "PUT", b"x")[0] == 403
    assert fetch(url + "/")[0] == fetch(f"{url}/{BUCKET}")[0] == fetch(f"{url}/nobucket/x")[0] == 403


def test_buckets_that_are_public_by_acl(s3: Any, url: str) -> None:
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read")
    assert b"<Key>private</Key>" in fetch(f"{url}/{BUCKET}?list-type=2")[1]
    assert fetch(f"{url}/{BUCKET}/nothing")[0] == 404
    assert fetch(f"{url}/{BUCKET}/private")[0] == 403
    assert fetch(f"{url}/{BUCKET}?policy")[0] == 403
    assert fetch(f"{url}/{BUCKET}/new", "PUT", b"new")[0] == 403
    s3.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")
    # S3 would take it; here nothing is written without a signature
    assert fetch(f"{url}/{BUCKET}/new", "PUT", b"new", **{"Content-Type": "text/plain"})[0] == 403


def test_policies(s3: Any, url: str) -> None:
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(allow("s3:GetObject", ALL)))
    assert fetch(f"{url}/{BUCKET}/private") == (200, b"private")
    assert fetch(f"{url}/{BUCKET}")[0] == 403
    assert fetch(f"{url}/{BUCKET}/new", "PUT", b"new")[0] == 403
    deny = {**allow("s3:Get*", f"{ALL[:-1]}priv*"), "Effect": "Deny"}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(allow("s3:*", ALL), deny))
    assert fetch(f"{url}/{BUCKET}/private")[0] == 403
    assert fetch(url + OPEN)[0] == 200
    only_here = allow("s3:GetObject", ALL, Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(only_here))
    assert fetch(f"{url}/{BUCKET}/private")[0] == 403


def test_public_access_block(s3: Any, url: str) -> None:
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(allow("s3:GetObject", f"{ALL[:-1]}private")))
    block = {
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
    }
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=block)
    assert fetch(url + OPEN)[0] == 403
    assert fetch(f"{url}/{BUCKET}/private")[0] == 403
    s3.delete_public_access_block(Bucket=BUCKET)
    assert fetch(url + OPEN)[0] == fetch(f"{url}/{BUCKET}/private")[0] == 200


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_of_both_versions(s3: Any, connect: Callable[..., Any], version: str) -> None:
    signer = connect(version)
    asked = {"Bucket": BUCKET, "Key": "open key+é", "ResponseContentType": "text/x y"}
    good = signer.generate_presigned_url("get_object", Params=asked, ExpiresIn=60)
    assert ("X-Amz-Signature" in good) is (version == "s3v4")
    assert fetch(good) == (200, b"open")
    status, body = fetch(good.replace("open%20key", "open%20kez"))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)
    forged = connect(version, secret="wrong").generate_presigned_url("get_object", Params=asked)
    assert b"<Code>SignatureDoesNotMatch</Code>" in fetch(forged)[1]
    expired = signer.generate_presigned_url("get_object", Params=asked, ExpiresIn=1)
    until(lambda: b"Request has expired" in fetch(expired)[1])
    kind = {"Content-Type": "text/plain"}
    put = signer.generate_presigned_url(
        "put_object", Params={"Bucket": BUCKET, "Key": "p", "ContentType": "text/plain"}
    )
    assert fetch(put, "PUT", b"put", **kind)[0] == 200
    assert s3.get_object(Bucket=BUCKET, Key="p")["Body"].read() == b"put"


def test_version_2_in_headers(s3: Any, connect: Callable[..., Any]) -> None:
    old = connect("s3")
    old.put_object(Bucket=BUCKET, Key="a b/é", Body=b"old", Metadata={"x": " two  blanks "}, ContentType="text/plain")
    assert old.get_object(Bucket=BUCKET, Key="a b/é")["Body"].read() == b"old"
    assert old.get_object_tagging(Bucket=BUCKET, Key="a b/é")["TagSet"] == []
    upload = old.create_multipart_upload(Bucket=BUCKET, Key="m")["UploadId"]
    part = old.upload_part(Bucket=BUCKET, Key="m", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    old.complete_multipart_upload(Bucket=BUCKET, Key="m", UploadId=upload, MultipartUpload=parts)
    with pytest.raises(old.exceptions.ClientError, match="SignatureDoesNotMatch"):
        connect("s3", secret="wrong").get_object(Bucket=BUCKET, Key="m")


def test_a_broken_signature_is_not_anonymous(s3: Any, url: str) -> None:
    assert fetch(url + OPEN, Authorization="nonsense")[0] == 403
    assert fetch(f"{url}{OPEN}?X-Amz-Signature=00")[0] == 403
