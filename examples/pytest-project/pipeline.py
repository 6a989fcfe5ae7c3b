"""Compiles a model with SageMaker Neo: what a team deploys. The clients it is given know where."""

import io
import json
import tarfile
import time
from pathlib import Path

ROLE = "arn:aws:iam::123456789012:role/neo"


class CompilationError(Exception):
    """The job did not complete; the text is its FailureReason."""


def upload(s3, model: Path, bucket: str) -> str:
    """Packs a model file as Neo wants it; gives back its S3 URI."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(model, model.name)
    key = f"models/{model.stem}.tar.gz"
    s3.put_object(Bucket=bucket, Key=key, Body=archive.getvalue())
    return f"s3://{bucket}/{key}"


def start(sagemaker, name: str, uri: str, inputs: dict, device: str) -> None:
    """Creates the compilation job."""
    sagemaker.create_compilation_job(
        CompilationJobName=name,
        RoleArn=ROLE,
        InputConfig={"S3Uri": uri, "Framework": "ONNX", "DataInputConfig": json.dumps(inputs)},
        OutputConfig={"S3OutputLocation": f"{uri.rsplit('/', 2)[0]}/compiled", "TargetDevice": device},
        StoppingCondition={"MaxRuntimeInSeconds": 900},
    )


def finish(sagemaker, name: str, poll_seconds: float = 0.2) -> str:
    """Waits for the job; gives back the S3 URI of its artifact."""
    while True:
        job = sagemaker.describe_compilation_job(CompilationJobName=name)
        if job["CompilationJobStatus"] == "COMPLETED":
            return job["ModelArtifacts"]["S3ModelArtifacts"]
        if job["CompilationJobStatus"] in ("FAILED", "STOPPED"):
            raise CompilationError(job.get("FailureReason") or job["CompilationJobStatus"])
        time.sleep(poll_seconds)
