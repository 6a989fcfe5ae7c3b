"""One endpoint for all: what moto answers arrives unchanged."""

from typing import Any

import pytest


def test_s3_round_trip(client: Any) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="models")
    body = bytes(range(256)) * 4096
    key = "dir/a b+c%2Fé"
    metadata = {"a_b": "1", "a-c": "2"}
    s3.put_object(
        Bucket="models", Key=key, Body=body, Metadata=metadata, ServerSideEncryption="aws:kms", SSEKMSKeyId="k"
    )
    got = s3.get_object(Bucket="models", Key=key)
    assert got["Body"].read() == body
    assert got["Metadata"] == metadata
    assert (got["ServerSideEncryption"], got["SSEKMSKeyId"]) == ("aws:kms", "k")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="models")["Contents"]] == [key]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="models", Key="nothing")
    with pytest.raises(s3.exceptions.ClientError, match="404"):
        s3.head_object(Bucket="models", Key="nothing")


def test_html_objects_stay_html(client: Any) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="site")
    s3.put_object(Bucket="site", Key="a.html", Body=b"<!doctype html><p>", ContentType="text/html")
    got = s3.get_object(Bucket="site", Key="a.html")
    assert (got["ContentType"], got["Body"].read()) == ("text/html", b"<!doctype html><p>")


def test_virtual_hosted_bucket(client: Any, curl: Any, url: str) -> None:
    client("s3").create_bucket(Bucket="models", ACL="public-read")
    client("s3").put_object(Bucket="models", Key="k", Body=b"v", ACL="public-read")
    answer = curl("GET", "/k", headers={"Host": f"models.s3.localhost:{url.rsplit(':', 1)[1]}"})
    assert (answer.status, answer.body) == (200, b"v")


def test_other_services(client: Any) -> None:
    assert client("sts").get_caller_identity()["Account"] == "123456789012"
    iam = client("iam")
    iam.create_role(RoleName="neo", AssumeRolePolicyDocument="{}")
    assert iam.get_role(RoleName="neo")["Role"]["Arn"] == "arn:aws:iam::123456789012:role/neo"
    assert client("kms").create_key()["KeyMetadata"]["KeyId"]
    logs = client("logs")
    logs.create_log_group(logGroupName="/aws/sagemaker/CompilationJobs")
    assert len(logs.describe_log_groups()["logGroups"]) == 1


def test_rest_of_sagemaker(sagemaker: Any) -> None:
    sagemaker.create_model(ModelName="m", ExecutionRoleArn="arn:aws:iam::123456789012:role/r")
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == ["m"]


def test_moto_does_not_know_of_jobs(sagemaker: Any, request_for: Any) -> None:
    sagemaker.create_compilation_job(**request_for())
    import moto.sagemaker.models as moto_sagemaker

    for regions in list(moto_sagemaker.sagemaker_backends.values()):
        assert all(not backend.compilation_jobs for backend in regions.values())


def test_own_account_is_that_of_every_service(redis_url: str, boto_session: Any) -> None:
    from werkzeug.test import Client

    from neo_emulator.gateway.app import create_app
    from neo_workers.settings import Settings
    from neo_workers.store.store import Store

    settings = Settings(redis_url=redis_url, account_id="999988887777")
    app = create_app(settings, Store(settings), lambda _: None)
    form = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
    scope = "AKID/20240101/us-east-1/sts/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
    answer = Client(app).post("/", data=form, headers=headers)
    assert "<Account>999988887777</Account>" in answer.text
