"""Requests that the service refuses, sent by clients that check nothing themselves."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

LONG = "x" * 20000
S3 = "s3://b/out"
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}

MISSHAPEN = [
    ({"CompilationJobName": None}, ["Value null at 'compilationJobName'", "must not be null"]),
    ({"RoleArn": None, "StoppingCondition": None}, ["2 validation errors", "'roleArn'", "'stoppingCondition'"]),
    ({"OutputConfig": {}}, ["'outputConfig.s3OutputLocation'", "must not be null"]),
    ({"CompilationJobName": "a_b"}, ["1 validation error detected: Value 'a_b' at", "regular expression pattern"]),
    ({"CompilationJobName": "-a"}, ["regular expression pattern"]),
    ({"CompilationJobName": "a" * 64}, ["2 validation errors", "length less than or equal to 63", "pattern"]),
    ({"CompilationJobName": ""}, ["length greater than or equal to 1"]),
    ({"CompilationJobName": "job\n"}, ["pattern"]),
    ({"RoleArn": "arn:aws:iam::12:role/neo-role"}, ["Value 'arn:aws:iam::12:role/neo-role' at 'roleArn'", "pattern"]),
    ({"RoleArn": "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/neo"}, ["'roleArn'", "pattern"]),
    ({"OutputConfig": {"S3OutputLocation": S3, "TargetDevice": "toaster"}}, ["enum value set: [", "ml_c5"]),
    ({"OutputConfig": {"S3OutputLocation": "b/out", "TargetDevice": "ml_c5"}}, ["s3OutputLocation", "pattern"]),
    ({"OutputConfig": {"S3OutputLocation": S3, "TargetPlatform": {}}}, ["targetPlatform.os'", "targetPlatform.arch'"]),
    ({"InputConfig": {"S3Uri": S3, "Framework": "ONNX", "FrameworkVersion": "10.0"}}, ["frameworkVersion"]),
    ({"InputConfig": {"S3Uri": S3, "Framework": "ONNX", "DataInputConfig": LONG}}, ["less than or equal to 16384"]),
    ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, ["have value greater than or equal to 1"]),
    ({"StoppingCondition": {"MaxPendingTimeInSeconds": 3}}, ["'stoppingCondition.maxPendingTimeInSeconds'", "1800"]),
    ({"VpcConfig": {**VPC, "Subnets": []}}, ["Value '[]' at 'vpcConfig.subnets'", "length greater than or equal to 1"]),
    ({"VpcConfig": {**VPC, "Subnets": ["s"] * 17}}, ["'vpcConfig.subnets'", "length less than or equal to 16"]),
    (
        {"VpcConfig": {**VPC, "Subnets": ["a_b"]}},
        ["Value '[a_b]'", "Member must satisfy constraint: [Member must have"],
    ),
    ({"Tags": [{"Key": "a", "Value": "b"}, {"Key": "é²!", "Value": "b"}]}, ["'tags.2.member.key'", "pattern"]),
    ({"Tags": [{"Key": "a"}]}, ["Value null at 'tags.1.member.value'"]),
    ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, ["'tags'", "less than or equal to 50"]),
]


@pytest.mark.parametrize(("changes", "texts"), MISSHAPEN, ids=lambda value: str(value)[:40])
def test_misshapen_create(sagemaker: Any, request_for: Any, changes: dict[str, Any], texts: list[str]) -> None:
    message = _refused(sagemaker.create_compilation_job, **request_for(**changes))
    assert "failed to satisfy constraint: Member must" in message
    assert [text for text in texts if text not in message] == []
    assert sagemaker.list_compilation_jobs()["CompilationJobSummaries"] == []


def platform(os: str, arch: str, accelerator: str | None = None, options: str | None = None) -> dict[str, Any]:
    output: dict[str, Any] = {"S3OutputLocation": S3, "TargetPlatform": {"Os": os, "Arch": arch}}
    if accelerator:
        output["TargetPlatform"]["Accelerator"] = accelerator
    if options:
        output["CompilerOptions"] = options
    return {"OutputConfig": output}


VERSIONED = {"S3Uri": S3, "Framework": "PYTORCH", "FrameworkVersion": "2.0"}
BOTH = {"S3OutputLocation": S3, "TargetDevice": "ml_c5", "TargetPlatform": {"Os": "LINUX", "Arch": "ARM64"}}
PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/group/1"
AGAINST_RULES = [
    ({"ModelPackageVersionArn": PACKAGE}, "InputConfig and ModelPackageVersionArn"),
    ({"InputConfig": None}, "Either InputConfig or ModelPackageVersionArn"),
    ({"OutputConfig": BOTH}, "mutually exclusive"),
    ({"OutputConfig": {"S3OutputLocation": S3}}, "Either TargetDevice or TargetPlatform"),
    (
        {"InputConfig": VERSIONED, "OutputConfig": {"S3OutputLocation": S3, "TargetDevice": "coreml"}},
        "Unsupported framework version field for target.",
    ),
    (platform("ANDROID", "ARM_EABIHF"), "TargetPlatform"),
    (platform("ANDROID", "ARM64", "NVIDIA", "{'gpu-code': 'sm_72'}"), "TargetPlatform"),
    (platform("LINUX", "ARM64", "NVIDIA"), "gpu-code"),
    (platform("LINUX", "ARM64", "NVIDIA", "{'mcpu': 'carmel'}"), "gpu-code"),
    (platform("LINUX", "ARM64", "NVIDIA", "not a literal"), "gpu-code"),
]
WITHIN_RULES = [
    {"InputConfig": VERSIONED},
    platform("LINUX", "X86_64", "NVIDIA", "{'mcpu': 'skylake-avx512'}"),
    platform("LINUX", "ARM64", "NVIDIA", '{"gpu-code": "sm_72", "trt-ver": "6.0.1", "cuda-ver": "10.1"}'),
    platform("ANDROID", "ARM_EABI", None, "{'ANDROID_PLATFORM': 25, 'mattr': ['+neon']}"),
    {"InputConfig": VERSIONED, **platform("LINUX", "ARM_EABIHF")},
    {"OutputConfig": {"S3OutputLocation": "https://s3.amazonaws.com/b/o", "TargetDevice": "ml_inf1"}},
    {"Tags": [{"Key": "Éclair и 東京 1", "Value": ""}]},
    {"CompilationJobName": "a" * 63},
]


@pytest.mark.parametrize(("changes", "text"), AGAINST_RULES, ids=lambda value: str(value)[:60])
def test_create_against_the_rules(sagemaker: Any, request_for: Any, changes: dict[str, Any], text: str) -> None:
    message = _refused(sagemaker.create_compilation_job, **request_for(**changes))
    assert text in message
    assert "validation error" not in message


@pytest.mark.parametrize("changes", WITHIN_RULES, ids=lambda value: str(value)[:60])
def test_create_within_the_rules(sagemaker: Any, request_for: Any, changes: dict[str, Any]) -> None:
    assert sagemaker.create_compilation_job(**request_for(**changes))["CompilationJobArn"]


@pytest.mark.parametrize(
    "asked",
    [
        {"MaxResults": 0},
        {"MaxResults": 101},
        {"SortBy": "Age"},
        {"SortOrder": "ascending"},
        {"StatusEquals": "Completed"},
        {"NameContains": "a_b"},
    ],
    ids=str,
)
def test_misshapen_list(sagemaker: Any, asked: dict[str, Any]) -> None:
    (member,) = asked
    assert f"'{member[0].lower()}{member[1:]}'" in _refused(sagemaker.list_compilation_jobs, **asked)


def test_store_away(call: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as Away

    def away(*_: object) -> None:
        raise Away("gone")

    monkeypatch.setattr(type(store), "get", away)
    monkeypatch.setattr("neo_emulator.sagemaker.service.STORE_PATIENCE_SECONDS", 0.1)
    answer = call("DescribeCompilationJob", {"CompilationJobName": "job"})
    assert (answer.status, answer.json["__type"]) == (503, "ServiceUnavailable")


def test_store_away_for_a_moment(call: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as Away

    failures = iter([Away("gone"), Away("gone")])
    page = type(store).page

    def flaky(*args: Any) -> Any:
        for failure in failures:
            raise failure
        return page(*args)

    monkeypatch.setattr(type(store), "page", flaky)
    assert call("ListCompilationJobs", {}).json == {"CompilationJobSummaries": []}


def test_too_many_active_jobs(sagemaker: Any, store: Any, request_for: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "settings", store.settings.model_copy(update={"max_active_jobs": 1}))
    sagemaker.create_compilation_job(**request_for("first"))
    with pytest.raises(sagemaker.exceptions.ResourceLimitExceeded) as refused:
        sagemaker.create_compilation_job(**request_for("second"))
    assert refused.value.response["Error"]["Code"] == "ResourceLimitExceeded"


def _refused(operation: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        operation(**request)
    response = refused.value.response
    assert response["Error"]["Code"] == "ValidationException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    message: str = response["Error"]["Message"]
    return message
