"""The waiter that users import, against a live server."""

import threading
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from neo_emulator.testing.waiters import compilation_job_completed_or_stopped
from neo_workers.jobs import JobStatus

QUICK = {"Delay": 0.02, "MaxAttempts": 100}


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.STOPPED])
def test_returns_when_the_job_ends(sagemaker: Any, engine: Any, request_for: Any, status: JobStatus) -> None:
    sagemaker.create_compilation_job(**request_for())
    worker = threading.Timer(0.2, engine.bring, args=("job", status))
    worker.start()
    waiter = compilation_job_completed_or_stopped(sagemaker)
    waiter.wait(CompilationJobName="job", WaiterConfig=QUICK)
    worker.join()
    assert sagemaker.describe_compilation_job(CompilationJobName="job")["CompilationJobStatus"] == status


def test_failed_and_unknown_jobs_raise(sagemaker: Any, engine: Any, request_for: Any) -> None:
    sagemaker.create_compilation_job(**request_for())
    engine.bring("job", JobStatus.FAILED)
    for name, why in (("job", "FAILED"), ("nobody", "ResourceNotFound")):
        with pytest.raises(WaiterError, match=why):
            compilation_job_completed_or_stopped(sagemaker).wait(CompilationJobName=name, WaiterConfig=QUICK)


def test_gives_up(sagemaker: Any, request_for: Any) -> None:
    sagemaker.create_compilation_job(**request_for())
    with pytest.raises(WaiterError, match="Max attempts"):
        compilation_job_completed_or_stopped(sagemaker).wait(
            CompilationJobName="job", WaiterConfig={"Delay": 0.01, "MaxAttempts": 3}
        )
