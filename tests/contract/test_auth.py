"""NEO_EMULATOR_AUTH=sigv4: boto3's own signatures verify, all else is refused in AWS's form; roles where checked."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from support.live import serving

from neo_emulator.gateway.app import create_app
from neo_workers.settings import Settings
from neo_workers.store.store import Store

KEY, SECRET = "AKIAKNOWN", "s3cr3t/with+signs"
Connect = Callable[..., Any]


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, auth="sigv4", access_keys=f"AKIAOTHER:other,{KEY}:{SECRET}", check_roles=True)


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    with serving(create_app(settings, Store(settings), lambda _: None)) as url:
        yield url


@pytest.fixture
def connect(url: str) -> Connect:
    """A boto3 client with a key of its own: connect("s3", secret="wrong")."""

    def make(service: str, key: str = KEY, secret: str = SECRET, token: str | None = None) -> Any:
        config = Config(
            signature_version="s3v4" if service == "s3" else None,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        )
        return boto3.client(
            service,
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=config,
        )

    return make


def code(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        call()
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_known_keys_pass_for_every_service(connect: Connect) -> None:
    s3 = connect("s3")
    s3.create_bucket(Bucket="models")
    key = "dir/a b+c%2Fé~(1).tar.gz"
    s3.put_object(Bucket="models", Key=key, Body=b"x" * 100_000, Metadata={"a": " two  blanks "})
    assert s3.get_object(Bucket="models", Key=key)["Body"].read() == b"x" * 100_000
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="models", Prefix="dir/a b+")["Contents"]] == [key]
    assert connect("sagemaker").list_compilation_jobs()["CompilationJobSummaries"] == []
    assert connect("sts").get_caller_identity()["Account"] == "123456789012"
    assert connect("iam").list_roles()["Roles"] == []
    assert connect("sagemaker", "AKIAOTHER", "other").list_models()["Models"] == []


def test_presigned_urls(connect: Connect) -> None:
    s3 = connect("s3")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="a b", Body=b"hello")
    good = s3.generate_presigned_url("get_object", Params={"Bucket": "models", "Key": "a b"}, ExpiresIn=60)
    assert urllib.request.urlopen(good, timeout=60).read() == b"hello"
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(good.replace("a%20b", "a%20c"), timeout=60)
    assert refused.value.code == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in refused.value.read()


@pytest.mark.parametrize(
    ("service", "call", "unknown", "wrong"),
    [
        (
            "sagemaker",
            "list_compilation_jobs",
            ("UnrecognizedClientException", 400),
            ("InvalidSignatureException", 400),
        ),
        ("sagemaker", "list_models", ("UnrecognizedClientException", 400), ("InvalidSignatureException", 400)),
        ("s3", "list_buckets", ("InvalidAccessKeyId", 403), ("SignatureDoesNotMatch", 403)),
        ("sts", "get_caller_identity", ("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403)),
    ],
)
def test_refusals(connect: Connect, service: str, call: str, unknown: Any, wrong: Any) -> None:
    assert code(getattr(connect(service, "AKIANOBODY"), call)) == unknown
    assert code(getattr(connect(service, KEY, "wrong"), call)) == wrong


def test_changed_body_is_refused(connect: Connect) -> None:
    sagemaker = connect("sagemaker")

    def change(request: Any, **_: Any) -> None:
        request.body = b'{"NameContains": "b"}'

    sagemaker.meta.events.register("before-send.sagemaker.ListCompilationJobs", change)
    assert code(lambda: sagemaker.list_compilation_jobs(NameContains="a")) == ("InvalidSignatureException", 400)


def test_changed_object_is_refused(connect: Connect) -> None:
    s3 = connect("s3")
    s3.create_bucket(Bucket="models")

    def change(request: Any, **_: Any) -> None:
        request.body = b"yyyyy"

    s3.meta.events.register("before-send.s3.PutObject", change)
    assert code(lambda: s3.put_object(Bucket="models", Key="k", Body=b"xxxxx")) == ("SignatureDoesNotMatch", 403)


def test_old_signature_is_refused(connect: Connect) -> None:
    sagemaker = connect("sagemaker")

    def age(request: Any, **_: Any) -> None:
        request.headers["X-Amz-Date"] = "20200101T000000Z"

    sagemaker.meta.events.register("before-send.sagemaker.ListModels", age)
    assert code(sagemaker.list_models) == ("InvalidSignatureException", 400)


def test_unsigned_requests(url: str) -> None:
    request = urllib.request.Request(url, b"{}", {"X-Amz-Target": "SageMaker.ListCompilationJobs"})
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    document = json.load(refused.value)
    assert (refused.value.code, document["__type"]) == (400, "MissingAuthenticationTokenException")
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{url}/models/key", timeout=60)
    assert b"<Code>AccessDenied</Code>" in refused.value.read()
    assert urllib.request.urlopen(f"{url}/_neo/health", timeout=60).status == 200


def test_keys_that_iam_and_sts_gave_out(connect: Connect) -> None:
    iam, sts = connect("iam"), connect("sts")
    iam.create_user(UserName="u")
    made = iam.create_access_key(UserName="u")["AccessKey"]
    assert connect("s3", made["AccessKeyId"], made["SecretAccessKey"]).list_buckets()["Buckets"] == []
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    lent = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    keys = lent["AccessKeyId"], lent["SecretAccessKey"]
    assert connect("sagemaker", *keys, lent["SessionToken"]).list_models()["Models"] == []
    assert code(connect("sagemaker", *keys).list_models) == ("UnrecognizedClientException", 400)
    assert code(connect("s3", *keys, "another").list_buckets) == ("InvalidToken", 400)


def test_roles(connect: Connect, request_for: Any) -> None:
    sagemaker, iam = connect("sagemaker"), connect("iam")

    def document(service: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    assert code(lambda: sagemaker.create_compilation_job(**request_for())) == ("ValidationException", 400)
    iam.create_role(RoleName="neo", AssumeRolePolicyDocument=document("ec2.amazonaws.com"))
    assert code(lambda: sagemaker.create_compilation_job(**request_for())) == ("ValidationException", 400)
    iam.update_assume_role_policy(RoleName="neo", PolicyDocument=document("sagemaker.amazonaws.com"))
    assert sagemaker.create_compilation_job(**request_for())["CompilationJobArn"]


def test_settings_without_keys_are_refused() -> None:
    for keys in ("", "nocolon", "a:"):
        with pytest.raises(ValueError, match="ACCESS_KEYS"):
            Settings(auth="sigv4", access_keys=keys)
