"""Creating and awaiting compilation jobs as users do, through boto3."""

import io
import tarfile
from typing import Any
from uuid import uuid4

from support.waiting import GENEROUS_SECONDS, until

ROLE = "arn:aws:iam::123456789012:role/neo-tests"
TERMINAL = ("COMPLETED", "FAILED", "STOPPED")
LOG_GROUP = "/aws/sagemaker/CompilationJobs"


def archive(**members: bytes) -> bytes:
    """A tar.gz of these files; "__" in a name stands for ".", as in model__onnx."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def create(
    sagemaker: Any,
    s3_uri: str,
    inputs: str | None,
    output: str = "s3://neo/out",
    max_runtime: int = 300,
    framework: str = "ONNX",
    **output_config: Any,
) -> str:
    """Creates a job with a name of its own; TargetDevice is ml_c5 unless `output_config` says otherwise."""
    name = f"job-{uuid4().hex[:12]}"
    config = {"S3Uri": s3_uri, "Framework": framework} | ({"DataInputConfig": inputs} if inputs else {})
    target = {} if "TargetPlatform" in output_config else {"TargetDevice": "ml_c5"}
    sagemaker.create_compilation_job(
        CompilationJobName=name,
        RoleArn=ROLE,
        InputConfig=config,
        OutputConfig={"S3OutputLocation": output, **target, **output_config},
        StoppingCondition={"MaxRuntimeInSeconds": max_runtime},
    )
    return name


def status(sagemaker: Any, name: str) -> str:
    """The job's CompilationJobStatus."""
    return str(sagemaker.describe_compilation_job(CompilationJobName=name)["CompilationJobStatus"])


def wait(sagemaker: Any, name: str, *statuses: str, seconds: float = GENEROUS_SECONDS) -> dict[str, Any]:
    """The job's description once it has one of `statuses` (by default: once it has ended).

    Raises AssertionError when it has not within `seconds`, and as soon as it has ended in another status.
    """
    wanted = statuses or TERMINAL

    def described() -> dict[str, Any] | None:
        job: dict[str, Any] = sagemaker.describe_compilation_job(CompilationJobName=name)
        if job["CompilationJobStatus"] in wanted:
            return job
        assert job["CompilationJobStatus"] not in TERMINAL, f"{job['CompilationJobStatus']}, not {wanted}: {job}"
        return None

    return until(described, seconds, what=lambda: f"{name} is {status(sagemaker, name)}, not {wanted}")


def log(logs: Any, name: str) -> list[str]:
    """The lines of the job's log so far, oldest first; [] before it has one."""
    try:
        events = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=name, startFromHead=True)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
    return [event["message"] for event in events]


def keys(s3: Any, bucket: str, prefix: str = "") -> list[str]:
    """Keys of the objects in a bucket."""
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
