import json
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from redis.exceptions import ConnectionError as Away
from redis.exceptions import ResponseError

from neo_emulator.aws.moto import Moto
from neo_emulator.sagemaker import service
from neo_emulator.sagemaker.service import SageMaker
from neo_workers.jobs import Scope
from neo_workers.settings import Settings
from neo_workers.store.store import Store

SIGNED = "AWS4-HMAC-SHA256 Credential=AK/20240101/eu-west-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"
DESCRIBE = ("DescribeCompilationJob", {"CompilationJobName": "job"})


@pytest.fixture
def store(make_job: Any) -> Any:
    store = create_autospec(Store, instance=True)
    store.settings = Settings()
    store.get.return_value = make_job()
    return store


@pytest.fixture
def sagemaker(store: Any, monkeypatch: pytest.MonkeyPatch) -> SageMaker:
    monkeypatch.setattr(service, "STORE_PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(service, "STORE_PAUSE_SECONDS", 0.01)
    settings = Settings(region="ap-south-1", account_id="111122223333")
    return SageMaker(settings, store, Mock(), Moto(settings).scope, Mock())


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        (None, {}),
        ("ListModels", {}),
        ("DescribeCompilationJob", {"REQUEST_METHOD": "GET"}),
        (None, {"HTTP_X_AMZ_TARGET": "DynamoDB_20120810.DescribeCompilationJob"}),
    ],
)
def test_declines_what_is_not_its_own(
    send: Any, make_environ: Any, sagemaker: SageMaker, operation: Any, more: Any
) -> None:
    assert send(sagemaker, make_environ(operation, {}, **more)) is None


def test_declined_body_can_be_read_again(send: Any, make_environ: Any, sagemaker: SageMaker) -> None:
    body = {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model/m"}
    environ = make_environ("ListTags", body)
    assert send(sagemaker, environ) is None
    assert json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))) == body


def test_scope_of_the_request(send: Any, make_environ: Any, sagemaker: SageMaker, store: Any) -> None:
    send(sagemaker, make_environ(*DESCRIBE))
    send(sagemaker, make_environ(*DESCRIBE, HTTP_AUTHORIZATION=SIGNED))
    scopes = [call.args[0].scope for call in store.get.call_args_list]
    assert scopes == [Scope("111122223333", "ap-south-1"), Scope("111122223333", "eu-west-1")]


def test_read_waits_for_the_store(
    send: Any, make_environ: Any, sagemaker: SageMaker, store: Any, make_job: Any
) -> None:
    store.get.side_effect = [Away("1"), Away("2"), make_job()]
    assert send(sagemaker, make_environ(*DESCRIBE))[0] == 200


def test_store_away_too_long(send: Any, make_environ: Any, sagemaker: SageMaker, store: Any) -> None:
    store.get.side_effect = Away("gone")
    status, headers, _ = send(sagemaker, make_environ(*DESCRIBE))
    assert (status, headers["x-amzn-errortype"]) == (503, "ServiceUnavailable")
    assert store.get.call_count > 2


def test_create_waits_for_the_store(
    send: Any, make_environ: Any, sagemaker: SageMaker, store: Any, make_job: Any
) -> None:
    store.add.side_effect = [Away("1"), Away("2"), None]
    assert send(sagemaker, make_environ("CreateCompilationJob", make_job().request))[0] == 200
    invocations = {call.args[3] for call in store.add.call_args_list}
    assert len(invocations) == 1  # by which the store knows its own job again


def test_delete_is_not_repeated(send: Any, make_environ: Any, sagemaker: SageMaker, store: Any) -> None:
    store.delete.side_effect = Away("gone")
    assert send(sagemaker, make_environ("DeleteCompilationJob", {"CompilationJobName": "job"}))[0] == 503
    assert store.delete.call_count == 1


def test_own_faults_are_internal_failures(send: Any, make_environ: Any, sagemaker: SageMaker, store: Any) -> None:
    store.get.side_effect = ResponseError("script")
    status, _, body = send(sagemaker, make_environ(*DESCRIBE))
    assert (status, json.loads(body)["__type"]) == (500, "InternalFailure")
    assert b"script" not in body
