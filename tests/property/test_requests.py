"""Generated requests through the whole application and a real store: what holds for every one of them.

NEO_PROPERTY_EXAMPLES sets the number of requests per test; a small fixed sample by default.
"""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property import shapes
from werkzeug.test import Client, TestResponse

from neo_emulator.gateway.app import create_app
from neo_emulator.protocol import service_model
from neo_emulator.sagemaker.operations import OPERATIONS
from neo_workers.settings import Settings
from neo_workers.store.store import Store

EXAMPLES = int(os.environ.get("NEO_PROPERTY_EXAMPLES", "0"))
many = settings(
    max_examples=EXAMPLES or 120,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
pytestmark = pytest.mark.timeout(3600 if EXAMPLES else 120)
CREATE = service_model.input_shape("CreateCompilationJob")
OURS = sorted(OPERATIONS)
Call = Callable[[str, Any], TestResponse]


@pytest.fixture
def store(redis_url: str) -> Store:
    return Store(Settings(redis_url=redis_url))


@pytest.fixture
def call(store: Store) -> Call:
    """One unsigned SageMaker call; bytes go as they are."""
    client = Client(create_app(store.settings, store, lambda _: None))

    def send(operation: str, body: Any) -> TestResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post("/", data=data, headers={"X-Amz-Target": f"SageMaker.{operation}"})

    return send


def check(answer: TestResponse) -> bool:
    """Whether it was accepted; every refusal must have AWS's form."""
    assert answer.headers["x-amzn-RequestId"]
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    if answer.status_code == 200:
        return True
    assert answer.status_code == 400, answer.data[:500]
    document = json.loads(answer.data)
    assert document["__type"] == answer.headers["x-amzn-ErrorType"]
    assert document["__type"].isalnum()
    assert set(document) in ({"__type", "message"}, {"__type", "Message"})
    assert isinstance(document.get("message", document.get("Message")), str)
    return False


def check_accepted(call: Call, request: dict[str, Any], answer: TestResponse) -> None:
    """An accepted job can be described as it was asked for, listed, found by its tags, stopped."""
    name = {"CompilationJobName": request["CompilationJobName"]}
    described = json.loads(call("DescribeCompilationJob", name).data)
    arn = json.loads(answer.data)["CompilationJobArn"]
    assert described["CompilationJobArn"] == arn
    assert described["RoleArn"] == request["RoleArn"]
    listed = json.loads(call("ListCompilationJobs", {}).data)["CompilationJobSummaries"]
    assert [row["CompilationJobArn"] for row in listed] == [arn]
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    listed_tags = json.loads(call("ListTags", {"ResourceArn": arn}).data)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in listed_tags} == tags
    assert call("StopCompilationJob", name).status_code == 200


@many
@given(request=shapes.valid(CREATE).map(shapes.untangled))
def test_what_the_model_allows_is_taken_or_refused_by_a_rule(call: Call, store: Store, request: Any) -> None:
    store.clear()
    answer = call("CreateCompilationJob", request)
    if check(answer):
        check_accepted(call, request, answer)
        described = json.loads(call("DescribeCompilationJob", request).data)
        for member in ("InputConfig", "OutputConfig", "StoppingCondition", "VpcConfig"):
            assert described.get(member) == request.get(member)
    else:
        assert json.loads(answer.data)["__type"] == "ValidationException"
        assert "detected:" not in json.loads(answer.data)["message"]


@many
@given(request=shapes.broken(CREATE))
def test_broken_creates(call: Call, store: Store, request: Any) -> None:
    store.clear()
    answer = call("CreateCompilationJob", request)
    if check(answer):
        check_accepted(call, request, answer)
    else:
        assert json.loads(call("ListCompilationJobs", {}).data) == {"CompilationJobSummaries": []}


@many
@given(data=st.data(), operation=st.sampled_from(OURS))
def test_every_operation_answers_any_request(call: Call, data: st.DataObject, operation: str) -> None:
    shape = service_model.input_shape(operation)
    request = data.draw(shapes.valid(shape) | shapes.broken(shape) | shapes.JUNK | st.binary(max_size=40))
    answer = call(operation, request)
    # what names no job of ours goes to moto, which is not ours to test
    if not (isinstance(request, dict) and str(request.get("ResourceArn", "")).startswith("arn:")):
        check(answer)
