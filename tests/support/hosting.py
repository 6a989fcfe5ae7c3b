"""Compiling, deploying and invoking as users do, through boto3."""

import io
import json
from typing import Any
from uuid import uuid4

import numpy as np
from support import jobs
from support.waiting import GENEROUS_SECONDS, until

X86 = {"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}}
"""What every machine that runs these tests can run."""
IMAGE = "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-neo-onnx:1.5.0-cpu-py3"


def compiled(
    server: Any, files: dict[str, bytes], framework: str, shapes: Any, target: dict[str, Any] | None = None
) -> str:
    """The artifact's address. The model lies at an address of its own."""
    sagemaker, s3 = server.client("sagemaker"), server.client("s3")
    folder = uuid4().hex[:8]
    archive = jobs.archive(**{name.replace(".", "__"): data for name, data in files.items()})
    s3.put_object(Bucket="neo", Key=f"{folder}/model.tar.gz", Body=archive)
    name = f"job-{folder}"
    sagemaker.create_compilation_job(
        CompilationJobName=name,
        RoleArn=jobs.ROLE,
        InputConfig={
            "S3Uri": f"s3://neo/{folder}/model.tar.gz",
            "Framework": framework,
            "DataInputConfig": json.dumps(shapes),
        },
        OutputConfig={"S3OutputLocation": f"s3://neo/{folder}/out", **(target or X86)},
        StoppingCondition={"MaxRuntimeInSeconds": 300},
    )
    job = jobs.wait(sagemaker, name, "COMPLETED")
    return str(job["ModelArtifacts"]["S3ModelArtifacts"])


def model(server: Any, artifact: str, environment: dict[str, str] | None = None) -> str:
    """The name of a new model of that artifact."""
    name = f"model-{uuid4().hex[:8]}"
    container = {"Image": IMAGE, "ModelDataUrl": artifact, "Environment": environment or {}}
    server.client("sagemaker").create_model(ModelName=name, ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    return name


def config(server: Any, **models: str) -> str:
    """The name of a new endpoint configuration: variant -> model, each with weight 1."""
    name = f"config-{uuid4().hex[:8]}"
    variants = [
        {"VariantName": variant, "ModelName": of, "InstanceType": "ml.m6g.large", "InitialInstanceCount": 1}
        for variant, of in models.items()
    ]
    server.client("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    return name


def endpoint(server: Any, config_name: str, *statuses: str) -> str:
    """The name of a new endpoint, once it has one of `statuses`, by default InService."""
    name = f"endpoint-{uuid4().hex[:8]}"
    server.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config_name)
    wait(server, name, *(statuses or ("InService",)))
    return name


def deployed(server: Any, artifact: str) -> str:
    """The name of an InService endpoint of one variant, "main"."""
    return endpoint(server, config(server, main=model(server, artifact)))


def wait(server: Any, name: str, *statuses: str, seconds: float = GENEROUS_SECONDS) -> dict[str, Any]:
    """The endpoint's description once it has one of `statuses`. Raises AssertionError when it is Failed instead."""

    def described() -> dict[str, Any] | None:
        found: dict[str, Any] = server.client("sagemaker").describe_endpoint(EndpointName=name)
        if found["EndpointStatus"] in statuses:
            return found
        assert found["EndpointStatus"] != "Failed", found["FailureReason"]
        return None

    return until(described, seconds, what=f"{name} is never {statuses}")


def invoke(server: Any, name: str, body: bytes, kind: str = "application/json", **more: Any) -> dict[str, Any]:
    """InvokeEndpoint's answer, its Body read."""
    runtime = server.client("sagemaker-runtime")
    answer: dict[str, Any] = runtime.invoke_endpoint(EndpointName=name, ContentType=kind, Body=body, **more)
    return {**answer, "Body": answer["Body"].read()}


def predict(server: Any, name: str, array: Any, **more: Any) -> Any:
    """The only output for the only input, as an array; sent and received in numpy's own form."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    answer = invoke(server, name, buffer.getvalue(), "application/x-npy", Accept="application/x-npy", **more)
    assert answer["ContentType"] == "application/x-npy"
    return np.load(io.BytesIO(answer["Body"]))


def log(server: Any, name: str) -> list[str]:
    """The lines of the endpoint's log, all streams; [] before it has one."""
    logs, group = server.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    try:
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    found = []
    for stream in streams:
        rows = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        found += [(row["timestamp"], row["message"]) for row in rows["events"]]
    return [text for _, text in sorted(found)]
