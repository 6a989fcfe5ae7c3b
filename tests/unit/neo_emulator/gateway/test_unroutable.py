"""What no service could answer is refused in JSON, the rest is let through."""

import json
from typing import Any

import pytest

from neo_emulator.gateway.unroutable import Unroutable

SIGNED = "AWS4-HMAC-SHA256 Credential=AKID/20240101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def answer(method: str, target: str, service: str, path: str = "/") -> tuple[str, dict[str, str]] | None:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
    if target:
        environ["HTTP_X_AMZ_TARGET"] = target
    if service:
        environ["HTTP_AUTHORIZATION"] = SIGNED.format(service)
    said: list[Any] = []
    body = Unroutable(lambda target: target.startswith("Known"))(environ, lambda *start: said.append(start))
    return None if body is None else (said[0][0], json.loads(b"".join(body)))


@pytest.mark.parametrize("service", ["", "sagemaker"])
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "SageMaker.ListModels"),
        ("PUT", "SageMaker.ListCompilationJobs"),
        ("POST", "SageMaker"),
        ("POST", "SageMaker."),
        ("POST", "SageMaker.listmodels"),
        ("POST", "sagemaker.ListModels"),
        ("POST", "SageMakerRuntime.InvokeEndpoint"),
    ],
)
def test_no_operation_of_sagemaker(method: str, target: str, service: str) -> None:
    refused = answer(method, target, service)
    assert refused is not None
    assert (refused[0], refused[1]["__type"]) == ("400 Bad Request", "UnknownOperationException")
    assert target.removeprefix("SageMaker.") in refused[1]["message"]


def test_signed_for_sagemaker_without_a_target() -> None:
    refused = answer("POST", "", "sagemaker")
    assert refused is not None
    assert refused[1]["__type"] == "UnknownOperationException"


def test_an_unsigned_target_that_no_one_knows() -> None:
    refused = answer("POST", "Logs_20140328.DescribeLogGroups", "")
    assert refused is not None
    assert refused[1]["__type"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    ("method", "target", "service", "path"),
    [
        ("POST", "SageMaker.ListModels", "", "/"),
        ("POST", "SageMaker.ListModels", "sagemaker", "/"),
        ("POST", "Logs_20140328.DescribeLogGroups", "logs", "/"),
        ("POST", "Known.X", "", "/"),
        ("POST", "", "sagemaker", "/endpoints/e/invocations"),
        ("GET", "", "s3", "/bucket"),
        ("GET", "", "", "/"),
    ],
)
def test_what_moto_may_answer(method: str, target: str, service: str, path: str) -> None:
    assert answer(method, target, service, path) is None
