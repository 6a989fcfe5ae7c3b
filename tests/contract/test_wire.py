"""Bare HTTP: unsigned calls, headers, errors that are never HTML, control addresses."""

import contextlib
import http.client
import json
import socket
import time
from typing import Any

import pytest

from neo_workers.store import worker_registry
from neo_workers.store.store import Store

ARN = "arn:aws:sagemaker:us-east-1:123456789012:compilation-job/job"
SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20240101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"


def test_unsigned_call(call: Any, request_for: Any) -> None:
    before = time.time()
    answer = call("CreateCompilationJob", request_for())
    assert (answer.status, answer.json) == (200, {"CompilationJobArn": ARN})
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert len(answer.headers["x-amzn-requestid"]) == 36
    described = call("DescribeCompilationJob", {"CompilationJobName": "job"}).json
    assert before - 0.002 <= described["CreationTime"] <= time.time()
    assert call("ListCompilationJobs", b"").json["CompilationJobSummaries"][0]["CompilationJobArn"] == ARN
    stopped = call("StopCompilationJob", {"CompilationJobName": "job"})
    assert (stopped.status, stopped.body) == (200, b"")
    assert call("ListModels", {}).json["Models"] == []


def test_region_of_the_signature(curl: Any, request_for: Any) -> None:
    headers = {
        "X-Amz-Target": "SageMaker.CreateCompilationJob",
        "Authorization": SIGNED.format(region="us-gov-west-1", service="sagemaker"),
    }
    arn = curl("POST", "/", request_for(), headers).json["CompilationJobArn"]
    assert arn == "arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:compilation-job/job"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "Unexpected value type"),
        ({"CompilationJobName": 1}, "NUMBER_VALUE can not be converted to a String"),
        ({"CompilationJobName": {}}, "Start of structure or map"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": "1"}}, "STRING_VALUE can not be converted to an Integer"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": True}}, "BOOLEAN_VALUE"),
        ({"StoppingCondition": []}, "Unexpected value type"),
        ({"Tags": {}}, "Expected list or null"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_unreadable_body(call: Any, body: Any, text: str) -> None:
    answer = call("CreateCompilationJob", body)
    assert (answer.status, answer.json["__type"]) == (400, "SerializationException")
    assert text in answer.json["message"]
    assert answer.headers["x-amzn-errortype"] == "SerializationException"


def test_null_is_absent(call: Any, request_for: Any) -> None:
    assert call("CreateCompilationJob", {**request_for(), "VpcConfig": None, "Tags": None}).status == 200
    assert "VpcConfig" not in call("DescribeCompilationJob", {"CompilationJobName": "job"}).json


def test_operations_nobody_has(call: Any) -> None:
    answer = call("NoSuchOperation", {})
    assert (answer.status, answer.json["__type"]) == (400, "UnknownOperationException")


def test_an_operation_that_moto_lacks_is_named_and_not_tried_again(call: Any) -> None:
    answer = call("CreateHub", {"HubName": "hub", "HubDescription": "text"})
    assert (answer.status, answer.json["__type"]) == (501, "NotImplemented")
    assert answer.json["message"] == "moto does not implement sagemaker CreateHub for this request."
    answer = call("CreateHub", {})
    assert (answer.status, answer.json["__type"]) == (400, "ValidationException")


@pytest.mark.parametrize("service", [None, "s3", "sagemaker", "lambda", "iam"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/no/such/path", "/%00"])
def test_errors_are_never_html(curl: Any, method: str, path: str, service: str | None) -> None:
    headers = {"Authorization": SIGNED.format(region="us-east-1", service=service)} if service else {}
    answer = curl(method, path, b"{}", headers)
    assert not answer.body.lstrip().lower().startswith((b"<!doctype", b"<html"))
    assert answer.status < 400 or not answer.body or answer.headers["content-type"] != "text/html; charset=utf-8"


def test_chunked_body(curl: Any, request_for: Any) -> None:
    import json

    headers = {"X-Amz-Target": "SageMaker.CreateCompilationJob", "Transfer-Encoding": "chunked"}
    data = json.dumps(request_for()).encode()
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)
    assert curl("POST", "/", chunks, headers).json == {"CompilationJobArn": ARN}


def test_health_and_ready(curl: Any, store: Store) -> None:
    health = curl("GET", "/_neo/health")
    assert (health.status, set(health.json)) == (200, {"version", "uptime_seconds"})
    waiting = curl("GET", "/_neo/ready")
    assert waiting.status == 503
    assert waiting.json["components"] == {"store": "ok", "workers": "none alive", "s3": "unknown: no worker checks it"}
    worker_registry.report(store, worker_registry.Worker("w", 1, "ok"), 5)
    ready = curl("GET", "/_neo/ready")
    assert (ready.status, ready.json["ready"], ready.json["workers"]) == (200, True, 1)
    assert curl("HEAD", "/_neo/ready").body == b""


def test_not_ready_without_a_store(curl: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as Away

    def away(_: object) -> None:
        raise Away("nobody there")

    monkeypatch.setattr(type(store), "ping", away)
    answer = curl("GET", "/_neo/ready")
    assert (answer.status, answer.json["components"]["store"]) == (503, "nobody there")


def test_unknown_control_address(curl: Any) -> None:
    assert curl("GET", "/_neo/nothing").status == 404
    wrong = curl("GET", "/_neo/reset")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/_neo/reset", "/moto-api/reset"])
def test_reset(curl: Any, client: Any, sagemaker: Any, request_for: Any, path: str) -> None:
    sagemaker.create_compilation_job(**request_for())
    client("s3").create_bucket(Bucket="models")
    assert curl("POST", path).json == {"status": "ok"}
    assert sagemaker.list_compilation_jobs()["CompilationJobSummaries"] == []
    assert client("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
@pytest.mark.parametrize("operation", ["ListCompilationJobs", "ListModels"])
def test_content_type_does_not_matter(curl: Any, operation: str, kind: str) -> None:
    answer = curl("POST", "/", b"{}", {"X-Amz-Target": f"SageMaker.{operation}", "Content-Type": kind})
    assert (answer.status, list(answer.json.values())) == (200, [[]])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_operations_are_posted(curl: Any, method: str) -> None:
    answer = curl(method, "/", b"{}", {"X-Amz-Target": "SageMaker.ListModels"})
    assert (answer.status, answer.json["__type"]) == (400, "UnknownOperationException")


@pytest.mark.parametrize("service", ["logs", "dynamodb", "kms"])
def test_unknown_operations_of_other_services(curl: Any, service: str) -> None:
    headers = {
        "X-Amz-Target": "Any_20200101.NoSuchOperation",
        "Authorization": SIGNED.format(region="us-east-1", service=service),
    }
    answer = curl("POST", "/", b"{}", headers)
    assert (answer.status, answer.json["__type"]) == (400, "UnknownOperationException")


def test_a_cut_request_changes_nothing(url: str, call: Any, request_for: Any) -> None:
    body = json.dumps(request_for()).encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: SageMaker.CreateCompilationJob\r\nContent-Length: {len(body)}\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 10) as client:
        client.sendall(head.encode() + b"\r\n" + body[:-1])
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(1000)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"IncompleteBody" in answer
    assert call("ListCompilationJobs", {}).json == {"CompilationJobSummaries": []}


def test_chunked_requests_on_one_connection(url: str, request_for: Any) -> None:
    body = json.dumps(request_for()).encode()
    with contextlib.closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)) as connection:
        for status in (200, 400):
            headers = {"X-Amz-Target": "SageMaker.CreateCompilationJob"}
            connection.request("POST", "/", iter([body[:20], body[20:]]), headers, encode_chunked=True)
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("Connection")) == (status, "keep-alive")
            answer.read()
