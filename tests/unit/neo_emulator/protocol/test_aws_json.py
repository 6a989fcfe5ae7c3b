import json
from datetime import UTC, datetime
from typing import Any

import pytest

from neo_emulator.protocol import aws_json, errors
from neo_emulator.protocol.errors import ServiceError
from neo_emulator.sagemaker.operations import OPERATIONS


def test_known_members_only() -> None:
    body = json.dumps({"CompilationJobName": "a", "VpcConfig": None, "New": {}, "Tags": [{"Key": "k", "x": 1}, None]})
    expected = {"CompilationJobName": "a", "Tags": [{"Key": "k"}, None]}
    assert aws_json.parse_request("CreateCompilationJob", body.encode()) == expected


@pytest.mark.parametrize("body", [b"", b"  ", b"{}"])
def test_empty_body(body: bytes) -> None:
    assert aws_json.parse_request("ListCompilationJobs", body) == {}


@pytest.mark.parametrize("value", [1713274849.17, 1713274849.170, "2024-04-16T13:40:49.170Z", "2024-04-16T13:40:49.17"])
def test_timestamps(value: Any) -> None:
    body = json.dumps({"CreationTimeAfter": value}).encode()
    moment = datetime(2024, 4, 16, 13, 40, 49, 170_000, tzinfo=UTC)
    assert aws_json.parse_request("ListCompilationJobs", body) == {"CreationTimeAfter": moment}


def test_whole_numbers() -> None:
    assert aws_json.parse_request("ListCompilationJobs", b'{"MaxResults": 5.0}') == {"MaxResults": 5}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"null",
        b"3",
        b"\xff",
        b'{"MaxResults": 5.5}',
        b'{"MaxResults": true}',
        b'{"MaxResults": 2147483648}',
        b'{"MaxResults": NaN}',
        b'{"MaxResults": Infinity}',
        b'{"NameContains": ["a"]}',
        b'{"CreationTimeAfter": "yesterday"}',
        b'{"CreationTimeAfter": 1e99}',
        b'{"CreationTimeAfter": NaN}',
        b'{"CreationTimeAfter": false}',
        b'{"CreationTimeAfter": "0001-01-01T00:00:00+14:00"}',
    ],
)
def test_unreadable(body: bytes) -> None:
    with pytest.raises(ServiceError, match="SerializationException"):
        aws_json.parse_request("ListCompilationJobs", body)


def test_success() -> None:
    moment = datetime(2024, 4, 16, 13, 40, 49, 170_900, tzinfo=UTC)
    response = aws_json.success_response("DescribeCompilationJob", {"CreationTime": moment}, "id-1")
    assert json.loads(response.body) == {"CreationTime": 1713274849.171}
    assert response.headers["x-amzn-RequestId"] == "id-1"
    assert aws_json.success_response("StopCompilationJob", {}, "id").body == b""
    assert aws_json.success_response("DeleteTags", {}, "id").body == b"{}"


def test_failure() -> None:
    response = aws_json.error_response(errors.not_found("job"), "id-2")
    assert response.status == 400
    assert json.loads(response.body) == {
        "__type": "ResourceNotFound",
        "Message": "Could not find compilation job 'job'.",
    }
    assert response.headers["x-amzn-ErrorType"] == "ResourceNotFound"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operation_name(name: str) -> None:
    environ = {"REQUEST_METHOD": "POST", "HTTP_X_AMZ_TARGET": f"SageMaker.{name}"}
    assert aws_json.operation_name(environ) == name
    assert aws_json.operation_name({**environ, "REQUEST_METHOD": "GET"}) is None
    assert aws_json.operation_name({**environ, "HTTP_X_AMZ_TARGET": f"sagemaker.{name}"}) is None
