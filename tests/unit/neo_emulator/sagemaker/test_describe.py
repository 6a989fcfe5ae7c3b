from datetime import timedelta
from typing import Any

import pytest

from neo_emulator.protocol import aws_json
from neo_emulator.sagemaker.describe import describe, summary
from neo_workers.jobs import JobResult, JobStatus

LATER = timedelta(seconds=60)
RESULT = JobResult("s3://b/o/m-ml_c4.tar.gz", "ab" * 64)


@pytest.mark.parametrize("status", list(JobStatus))
def test_members_are_those_of_the_model(make_job: Any, status: JobStatus) -> None:
    job = make_job(status=status, failure_reason="why", result=RESULT)
    assert set(describe(job)) <= set(aws_json.output_shape("DescribeCompilationJob").members)
    summaries = aws_json.output_shape("ListCompilationJobs").members["CompilationJobSummaries"]
    assert set(summary(job)) <= set(summaries.member.members)


def test_recorded_inprogress_job(make_job: Any) -> None:
    # Source: cloud-custodian, test_sagemaker_compilation_job_query (the account of the image was blanked there)
    job = make_job(status=JobStatus.INPROGRESS, started=make_job().created + LATER)
    assert set(describe(job)) == {
        "CompilationJobName",
        "CompilationJobArn",
        "CompilationJobStatus",
        "CompilationStartTime",
        "StoppingCondition",
        "InferenceImage",
        "CreationTime",
        "LastModifiedTime",
        "RoleArn",
        "InputConfig",
        "OutputConfig",
    }
    assert describe(job)["InferenceImage"] == "785573368785.dkr.ecr.us-east-1.amazonaws.com/xgboost-neo:latest"


def test_job_put_back_into_the_queue_has_not_started(make_job: Any) -> None:
    job = make_job(status=JobStatus.STARTING, started=make_job().created + LATER)
    assert "CompilationStartTime" not in describe(job)
    assert "CompilationStartTime" not in summary(job)


def test_result_and_reason_only_in_their_states(make_job: Any) -> None:
    derived = JobResult("s3://b/o/m.tar.gz", "ab" * 64, '{"x": [1]}')
    completed = describe(make_job(status=JobStatus.COMPLETED, result=derived))
    assert completed["DerivedInformation"] == {"DerivedDataInputConfig": '{"x": [1]}'}
    stopped = describe(make_job(status=JobStatus.STOPPED, result=derived, failure_reason="x"))
    assert not {"ModelArtifacts", "ModelDigests", "DerivedInformation", "FailureReason"} & set(stopped)
