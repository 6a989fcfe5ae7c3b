"""Which member Describe and List show in which state, as recorded from the service on 2024-04-16."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from neo_workers.jobs import JobId, JobStatus, Scope
from neo_workers.store.store import Store

S = JobStatus
ARN = "arn:aws:sagemaker:us-east-1:123456789012:compilation-job/job"
ALWAYS = {
    "CompilationJobName",
    "CompilationJobArn",
    "CompilationJobStatus",
    "CreationTime",
    "LastModifiedTime",
    "RoleArn",
    "InputConfig",
    "OutputConfig",
    "StoppingCondition",
    "InferenceImage",
}
STARTED, ENDED = "CompilationStartTime", "CompilationEndTime"
MORE = {
    S.STARTING: set(),
    S.INPROGRESS: {STARTED},
    S.STOPPING: {STARTED},
    S.STOPPED: {STARTED, ENDED},
    S.FAILED: {STARTED, ENDED, "FailureReason"},
    S.COMPLETED: {STARTED, ENDED, "ModelArtifacts", "ModelDigests"},
}
SUMMARY = {
    "CompilationJobName",
    "CompilationJobArn",
    "CompilationJobStatus",
    "CreationTime",
    "LastModifiedTime",
    "CompilationTargetDevice",
}


def described(sagemaker: Any, name: str = "job") -> dict[str, Any]:
    answer: dict[str, Any] = sagemaker.describe_compilation_job(CompilationJobName=name)
    answer.pop("ResponseMetadata")
    return answer


@pytest.mark.parametrize("status", list(S))
def test_members_by_state(sagemaker: Any, engine: Any, request_for: Any, status: JobStatus) -> None:
    assert sagemaker.create_compilation_job(**request_for())["CompilationJobArn"] == ARN
    engine.bring("job", status)
    answer = described(sagemaker)
    assert set(answer) == ALWAYS | MORE[status]
    assert answer["CompilationJobStatus"] == status
    assert answer["CompilationJobArn"] == ARN
    listed = sagemaker.list_compilation_jobs()
    assert set(listed) == {"CompilationJobSummaries", "ResponseMetadata"}
    (summary,) = listed["CompilationJobSummaries"]
    assert set(summary) == SUMMARY | (MORE[status] & {STARTED, ENDED})
    assert all(answer.get(member, value) == value for member, value in summary.items())


def test_request_comes_back_verbatim(sagemaker: Any, request_for: Any) -> None:
    request = request_for(
        InputConfig={"S3Uri": "s3://b/m.tar.gz", "Framework": "PYTORCH", "FrameworkVersion": "2.0"},
        OutputConfig={
            "S3OutputLocation": "s3://b/out/",
            "TargetPlatform": {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"},
            "CompilerOptions": "{'gpu-code': 'sm_72', 'trt-ver': '6.0.1', 'cuda-ver': '10.1'}",
            "KmsKeyId": "alias/mine",
        },
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]},
    )
    sagemaker.create_compilation_job(**request, Tags=[{"Key": "a", "Value": "b"}])
    answer = described(sagemaker)
    assert {member: answer[member] for member in request} == request
    assert not {"Tags", "InferenceImage"} & set(answer)
    (summary,) = sagemaker.list_compilation_jobs()["CompilationJobSummaries"]
    assert {k: v for k, v in summary.items() if "Target" in k} == {
        "CompilationTargetPlatformOs": "LINUX",
        "CompilationTargetPlatformArch": "ARM64",
        "CompilationTargetPlatformAccelerator": "NVIDIA",
    }


def test_platform_without_accelerator_is_listed(sagemaker: Any, request_for: Any) -> None:
    output = {"S3OutputLocation": "s3://b/out", "TargetPlatform": {"Os": "ANDROID", "Arch": "ARM64"}}
    sagemaker.create_compilation_job(**request_for(OutputConfig=output))
    (summary,) = sagemaker.list_compilation_jobs()["CompilationJobSummaries"]
    assert "CompilationTargetPlatformAccelerator" not in summary
    assert summary["CompilationTargetPlatformArch"] == "ARM64"


def test_model_package_in_place_of_input_config(sagemaker: Any, store: Store, engine: Any, request_for: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    container = {
        "Image": "i",
        "ModelDataUrl": "s3://models/resnet.tar.gz",
        "Framework": "onnx",
        "ModelInput": {"DataInputConfig": '{"x": [1, 4]}'},
    }
    specification = {"Containers": [container], "SupportedContentTypes": ["a"], "SupportedResponseMIMETypes": ["a"]}
    arn = sagemaker.create_model_package(ModelPackageGroupName="group", InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    sagemaker.create_compilation_job(**request_for(InputConfig=None, ModelPackageVersionArn=arn))
    answer = described(sagemaker)
    assert answer["ModelPackageVersionArn"] == arn
    assert set(answer) == (ALWAYS | {"ModelPackageVersionArn"}) - {"InputConfig"}
    assert "sagemaker-neo-onnx" in answer["InferenceImage"]
    assert engine.start("job").request["InputConfig"] == {
        "S3Uri": "s3://models/resnet.tar.gz",
        "Framework": "ONNX",
        "DataInputConfig": '{"x": [1, 4]}',
    }


@pytest.mark.parametrize("container", [None, {"Image": "i"}, {"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz"}])
def test_model_package_that_cannot_be_compiled(sagemaker: Any, request_for: Any, container: Any) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/group/1"
    if container:
        specification = {"Containers": [container], "SupportedContentTypes": [], "SupportedResponseMIMETypes": []}
        made = sagemaker.create_model_package(ModelPackageName="p", InferenceSpecification=specification)
        arn = made["ModelPackageArn"]
    with pytest.raises(ClientError) as refused:
        sagemaker.create_compilation_job(**request_for(InputConfig=None, ModelPackageVersionArn=arn))
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert arn in refused.value.response["Error"]["Message"]


def test_times(sagemaker: Any, engine: Any, request_for: Any) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    sagemaker.create_compilation_job(**request_for())
    engine.bring("job", S.COMPLETED)
    answer = described(sagemaker)
    created, started, ended = (answer[name] for name in ("CreationTime", STARTED, ENDED))
    assert before <= created <= started <= ended == answer["LastModifiedTime"]
    assert started.microsecond == ended.microsecond == 0
    assert created.microsecond % 1000 == 0


def test_result_of_a_completed_job(sagemaker: Any, engine: Any, request_for: Any) -> None:
    sagemaker.create_compilation_job(**request_for())
    engine.finish(engine.start("job"), S.COMPLETED, derived='{"x": [1, 4]}')
    answer = described(sagemaker)
    assert answer["ModelArtifacts"] == {"S3ModelArtifacts": "s3://models/output/resnet-ml_c5.tar.gz"}
    assert answer["ModelDigests"] == {"ArtifactDigest": "5" * 128}
    assert answer["DerivedInformation"] == {"DerivedDataInputConfig": '{"x": [1, 4]}'}


def test_failure_reason(sagemaker: Any, engine: Any, request_for: Any) -> None:
    sagemaker.create_compilation_job(**request_for())
    engine.finish(engine.start("job"), S.FAILED, "ClientError: InputConfiguration: no")
    assert described(sagemaker)["FailureReason"] == "ClientError: InputConfiguration: no"


def test_job_is_announced_once_and_stored_without_tags(
    call: Any, store: Store, submitted: list[JobId], request_for: Any
) -> None:
    assert call("CreateCompilationJob", request_for(Tags=[{"Key": "a", "Value": "b"}], Unheard="of")).status == 200
    job_id = JobId(Scope("123456789012", "us-east-1"), "job")
    assert submitted == [job_id]
    assert store.get(job_id).request == request_for()


def test_taken_name(sagemaker: Any, request_for: Any, submitted: list[JobId]) -> None:
    sagemaker.create_compilation_job(**request_for())
    with pytest.raises(sagemaker.exceptions.ResourceInUse) as refused:
        sagemaker.create_compilation_job(**request_for(RoleArn="arn:aws:iam::123456789012:role/another"))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "job" in refused.value.response["Error"]["Message"]
    assert len(submitted) == 1


@pytest.mark.parametrize("operation", ["describe", "stop", "delete"])
def test_unknown_name(sagemaker: Any, operation: str) -> None:
    with pytest.raises(sagemaker.exceptions.ResourceNotFound) as refused:
        getattr(sagemaker, f"{operation}_compilation_job")(CompilationJobName="nobody")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "nobody" in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("status", list(S))
def test_stop(sagemaker: Any, engine: Any, request_for: Any, status: JobStatus) -> None:
    sagemaker.create_compilation_job(**request_for())
    engine.bring("job", status)

    def stop() -> None:
        sagemaker.stop_compilation_job(CompilationJobName="job")

    if status in (S.STARTING, S.INPROGRESS, S.STOPPING):
        stop()
        stop()
        assert described(sagemaker)["CompilationJobStatus"] == "STOPPING"
    else:
        _refused(stop, status)
        assert described(sagemaker)["CompilationJobStatus"] == status


@pytest.mark.parametrize("status", list(S))
def test_delete(sagemaker: Any, engine: Any, request_for: Any, status: JobStatus) -> None:
    sagemaker.create_compilation_job(**request_for())
    engine.bring("job", status)

    def delete() -> None:
        sagemaker.delete_compilation_job(CompilationJobName="job")

    if status in (S.COMPLETED, S.FAILED, S.STOPPED):
        delete()
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            delete()
        assert sagemaker.list_compilation_jobs()["CompilationJobSummaries"] == []
        sagemaker.create_compilation_job(**request_for())  # the name is free again
    else:
        _refused(delete, status)
        assert described(sagemaker)["CompilationJobStatus"] == status


def _refused(call: Callable[[], None], status: JobStatus) -> None:
    with pytest.raises(ClientError) as refused:
        call()
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert status in refused.value.response["Error"]["Message"]


def test_accounts_and_regions_do_not_see_each_other(sagemaker: Any, client: Any, request_for: Any) -> None:
    role = client("sts").assume_role(RoleArn="arn:aws:iam::111122223333:role/r", RoleSessionName="s")["Credentials"]
    other = client(
        "sagemaker",
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    china = client("sagemaker", region_name="cn-north-1")
    arns = [each.create_compilation_job(**request_for())["CompilationJobArn"] for each in (sagemaker, other, china)]
    assert arns == [
        "arn:aws:sagemaker:us-east-1:123456789012:compilation-job/job",
        "arn:aws:sagemaker:us-east-1:111122223333:compilation-job/job",
        "arn:aws-cn:sagemaker:cn-north-1:123456789012:compilation-job/job",
    ]
    for each in (sagemaker, other, china):
        assert len(each.list_compilation_jobs()["CompilationJobSummaries"]) == 1
    image = china.describe_compilation_job(CompilationJobName="job")["InferenceImage"]
    assert image == "472730292857.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-neo-onnx:1.5.0-cpu-py3"
