"""A boto3 waiter for compilation jobs, which botocore does not have (boto/botocore#2758, aws/aws-sdk#346).

    from neo_emulator import compilation_job_completed_or_stopped

    compilation_job_completed_or_stopped(sagemaker).wait(CompilationJobName="my-job", WaiterConfig={"Delay": 1})

It works with AWS, too. Its name and form follow `training_job_completed_or_stopped`.
"""

from __future__ import annotations

from typing import Any

NAME = "CompilationJobCompletedOrStopped"

MODEL = {
    "version": 2,
    "waiters": {
        NAME: {
            "operation": "DescribeCompilationJob",
            "delay": 10,
            "maxAttempts": 360,
            "acceptors": [
                {"matcher": "path", "argument": "CompilationJobStatus", "expected": "COMPLETED", "state": "success"},
                {"matcher": "path", "argument": "CompilationJobStatus", "expected": "STOPPED", "state": "success"},
                {"matcher": "path", "argument": "CompilationJobStatus", "expected": "FAILED", "state": "failure"},
                {"matcher": "error", "expected": "ValidationException", "state": "failure"},
                {"matcher": "error", "expected": "ResourceNotFound", "state": "failure"},
            ],
        }
    },
}
"""In the format of botocore's waiters-2.json; delay in seconds, by default an hour in total."""


def compilation_job_completed_or_stopped(sagemaker: Any) -> Any:
    """A waiter for boto3's client; wait() raises botocore's WaiterError for a FAILED or unknown job."""
    from botocore.waiter import WaiterModel, create_waiter_with_client

    return create_waiter_with_client(NAME, WaiterModel(MODEL), sagemaker)
