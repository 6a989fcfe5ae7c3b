"""Reset, pace and faults on a running emulator with a real worker."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.models import conv_net
from support import jobs, processes
from support.waiting import stays, until

from neo_emulator.testing.server_process import ServerProcess

CONV = '{"data": [1, 3, 32, 32]}'


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "2") as server:
        yield server


@pytest.fixture(autouse=True)
def model(server: ServerProcess) -> None:
    post(server, "_neo/reset")
    s3 = server.client("s3")
    s3.create_bucket(Bucket="neo")
    s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))


def post(server: ServerProcess, page: str, **members: Any) -> Any:
    request = urllib.request.Request(f"{server.url}/{page}", json.dumps(members).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.parametrize("address", ["_neo/reset", "moto-api/reset"])
def test_reset_stops_running_compiles(server: ServerProcess, address: str) -> None:
    sagemaker = server.client("sagemaker")
    post(server, "_neo/pace", min_run_seconds=3600)
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/reset")
    jobs.wait(sagemaker, name, "INPROGRESS")
    children = until(lambda: [pid for pid in processes.descendants(server.pid or 0) if processes.leads(pid)])
    post(server, address)
    processes.all_gone(children)
    assert sagemaker.list_compilation_jobs()["CompilationJobSummaries"] == []
    s3 = server.client("s3")
    assert s3.list_buckets()["Buckets"] == []
    # the name and the worker are free again
    s3.create_bucket(Bucket="neo")
    s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))
    again = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    assert jobs.wait(sagemaker, again)["CompilationJobStatus"] == "COMPLETED"


def test_pace_holds_and_lets_go(server: ServerProcess) -> None:
    sagemaker = server.client("sagemaker")
    post(server, "_neo/pace", min_starting_seconds=3600, min_run_seconds=3600)
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    stays(lambda: jobs.status(sagemaker, name) == "STARTING", 1)
    post(server, "_neo/pace", min_starting_seconds=0)
    jobs.wait(sagemaker, name, "INPROGRESS")
    until(lambda: "step: upload" in jobs.log(server.client("logs"), name))  # all is made, only the pace is in the way
    stays(lambda: jobs.status(sagemaker, name) == "INPROGRESS", 1)
    post(server, "_neo/pace", min_run_seconds=0)
    assert jobs.wait(sagemaker, name)["CompilationJobStatus"] == "COMPLETED"


@pytest.mark.parametrize("reason", ["CapacityError: no capacity for ml_c5", "ServerError: try again"])
def test_the_next_job_fails_as_planned_and_the_one_after_does_not(server: ServerProcess, reason: str) -> None:
    sagemaker = server.client("sagemaker")
    post(server, "_neo/faults", reason=reason)
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    job = jobs.wait(sagemaker, name)
    assert (job["CompilationJobStatus"], job["FailureReason"]) == ("FAILED", reason)
    assert job["CompilationStartTime"] <= job["CompilationEndTime"]
    other = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    assert jobs.wait(sagemaker, other)["CompilationJobStatus"] == "COMPLETED"


def test_a_planned_failure_can_be_stopped(server: ServerProcess) -> None:
    sagemaker = server.client("sagemaker")
    post(server, "_neo/pace", min_run_seconds=3600)
    post(server, "_neo/faults")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    jobs.wait(sagemaker, name, "INPROGRESS")
    sagemaker.stop_compilation_job(CompilationJobName=name)
    assert jobs.wait(sagemaker, name)["CompilationJobStatus"] == "STOPPED"


def test_a_job_where_every_request_must_be_signed() -> None:
    with ServerProcess("--workers", "1", auth="sigv4", access_keys="test:test") as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket="neo")
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))
        job = jobs.wait(sagemaker, jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV))
        assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")


def test_a_model_package_is_compiled(server: ServerProcess) -> None:
    sagemaker = server.client("sagemaker")
    container = {
        "Image": "i",
        "ModelDataUrl": "s3://neo/conv.tar.gz",
        "Framework": "ONNX",
        "ModelInput": {"DataInputConfig": CONV},
    }
    specification = {"Containers": [container], "SupportedContentTypes": ["a"], "SupportedResponseMIMETypes": ["a"]}
    package = sagemaker.create_model_package(ModelPackageName="conv", InferenceSpecification=specification)
    sagemaker.create_compilation_job(
        CompilationJobName="package",
        RoleArn=jobs.ROLE,
        ModelPackageVersionArn=package["ModelPackageArn"],
        OutputConfig={"S3OutputLocation": "s3://neo/package", "TargetDevice": "ml_c5"},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    job = jobs.wait(sagemaker, "package")
    assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://neo/package/conv-ml_c5.tar.gz"
    assert "InputConfig" not in job
