"""Creating and awaiting compilation jobs as users do, through boto3."""

import io
import tarfile
import time
from typing import Any
from uuid import uuid4

ROLE = "arn:aws:iam::123456789012:role/neo-tests"
TERMINAL = ("COMPLETED", "FAILED", "STOPPED")


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
    **output_config: Any,
) -> str:
    """Creates a job with a name of its own; TargetDevice is ml_c5 unless `output_config` says otherwise."""
    name = f"job-{uuid4().hex[:12]}"
    config = {"S3Uri": s3_uri, "Framework": "ONNX"} | ({"DataInputConfig": inputs} if inputs else {})
    target = {} if "TargetPlatform" in output_config else {"TargetDevice": "ml_c5"}
    sagemaker.create_compilation_job(
        CompilationJobName=name,
        RoleArn=ROLE,
        InputConfig=config,
        OutputConfig={"S3OutputLocation": output, **target, **output_config},
        StoppingCondition={"MaxRuntimeInSeconds": max_runtime},
    )
    return name


def wait(sagemaker: Any, name: str, *statuses: str, seconds: float = 120) -> dict[str, Any]:
    """The job's description once it has one of `statuses` (by default: once it has ended)."""
    deadline = time.monotonic() + seconds
    while True:
        job: dict[str, Any] = sagemaker.describe_compilation_job(CompilationJobName=name)
        if job["CompilationJobStatus"] in (statuses or TERMINAL):
            return job
        assert time.monotonic() < deadline, f"still {job['CompilationJobStatus']} after {seconds} s"
        time.sleep(0.05)


def keys(s3: Any, bucket: str, prefix: str = "") -> list[str]:
    """Keys of the objects in a bucket."""
    return [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
