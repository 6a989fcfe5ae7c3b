"""Deploys an artifact: a model, an endpoint configuration and an endpoint, as boto3's users create them."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

ROLE = "arn:aws:iam::123456789012:role/neo-emulator"
IMAGE = "neo-emulator"
"""Image of a model whose job has no InferenceImage (edge devices); the service would refuse such a model."""
VARIANT, INSTANCE_TYPE = "AllTraffic", "ml.c5.large"
POLL_SECONDS = 0.05


class EndpointFailed(RuntimeError):  # noqa: N818 - an event, not a fault of the program
    """An endpoint is Failed; `description` is DescribeEndpoint's response."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        super().__init__(f"endpoint {description['EndpointName']} is Failed: {description.get('FailureReason', '')}")


def deploy(sagemaker: Any, source: str, name: str = "", timeout_seconds: float = 300.0) -> str:
    """Deploys `source`, a COMPLETED job or the S3 URI of its artifact, and waits for InService.

    Returns the endpoint's name, `name` or a new one. Raises EndpointFailed, TimeoutError, and botocore's ClientError.
    """
    image = IMAGE
    if not source.startswith("s3://"):
        job = sagemaker.describe_compilation_job(CompilationJobName=source)
        source, image = job["ModelArtifacts"]["S3ModelArtifacts"], job.get("InferenceImage", IMAGE)
    unique = uuid4().hex[:8]
    name = name or f"endpoint-{unique}"
    model, config = (f"{name[:46]}-{kind}-{unique}" for kind in ("model", "config"))
    sagemaker.create_model(
        ModelName=model, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": image, "ModelDataUrl": source}
    )
    variant = {"VariantName": VARIANT, "ModelName": model, "InstanceType": INSTANCE_TYPE, "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    deadline = time.monotonic() + timeout_seconds
    while True:
        found = sagemaker.describe_endpoint(EndpointName=name)
        if found["EndpointStatus"] == "InService":
            return name
        if found["EndpointStatus"] == "Failed":
            raise EndpointFailed(found)
        if time.monotonic() > deadline:
            raise TimeoutError(f"endpoint {name} is still {found['EndpointStatus']} after {timeout_seconds:g} s")
        time.sleep(POLL_SECONDS)
