"""`Endpoint` against a live server; the engine's side is walked by hand."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from neo_emulator.testing.endpoint import Endpoint, JobEnded
from neo_emulator.testing.fixtures import Attached
from neo_workers.jobs import JobStatus


@pytest.fixture
def neo(url: str) -> Endpoint:
    return Endpoint(url)


def test_wait_gives_the_description_or_says_how_the_job_ended(neo: Endpoint, engine: Any, request_for: Any) -> None:
    for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.INPROGRESS):
        neo.sagemaker.create_compilation_job(**request_for(status.lower()))
        engine.bring(status.lower(), status)
    assert neo.wait("completed")["ModelArtifacts"] == {"S3ModelArtifacts": "s3://models/output/resnet-ml_c5.tar.gz"}
    assert neo.wait("failed", "FAILED")["FailureReason"] == "ClientError: nothing"
    with pytest.raises(JobEnded, match="compilation job failed ended FAILED: ClientError: nothing") as ended:
        neo.wait("failed")
    assert ended.value.description["CompilationJobName"] == "failed"
    assert neo.wait("inprogress", "INPROGRESS")["CompilationJobStatus"] == "INPROGRESS"
    with pytest.raises(TimeoutError, match="still INPROGRESS"):
        neo.wait("inprogress", timeout_seconds=0)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        neo.wait("nobody")


def test_pace_faults_and_reset(neo: Endpoint, engine: Any, request_for: Any) -> None:
    neo.pace(min_run_seconds=60)
    neo.pace(min_starting_seconds=0)
    assert neo.control("pace") == {"min_starting_seconds": 0.0, "min_run_seconds": 60.0}
    neo.fail_next("ServerError: planned", name="a*", count=2)
    assert neo.control("faults")["faults"] == [{"reason": "ServerError: planned", "name": "a*", "count": 2}]
    bucket = neo.bucket("mine")
    neo.sagemaker.create_compilation_job(**request_for())
    assert [row["Name"] for row in neo.s3.list_buckets()["Buckets"]] == [bucket]
    neo.reset()
    assert neo.sagemaker.list_compilation_jobs()["CompilationJobSummaries"] == []
    assert neo.s3.list_buckets()["Buckets"] == []
    with pytest.raises(ValueError, match="min_run_seconds must be a number"):
        neo.pace(min_run_seconds=-1)


def test_tests_that_share_an_emulator_do_not_meet(url: str, request_for: Any) -> None:
    shared = Attached(url)
    shared.sagemaker.create_compilation_job(**request_for())
    one, other = (shared.in_account_of("test") for _ in range(2))
    for emulator in (one, other):
        emulator.sagemaker.create_compilation_job(**request_for())
        bucket = emulator.bucket()
        assert [row["Name"] for row in emulator.s3.list_buckets()["Buckets"]] == [bucket]
        assert len(emulator.sagemaker.list_compilation_jobs()["CompilationJobSummaries"]) == 1
    arns = {
        neo.sagemaker.describe_compilation_job(CompilationJobName="job")["CompilationJobArn"] for neo in (one, other)
    }
    assert len(arns) == 2
