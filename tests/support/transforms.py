"""Transform jobs as users make them, through boto3."""

from typing import Any
from uuid import uuid4

from support.waiting import GENEROUS_SECONDS, until

ENDED = ("Completed", "Failed", "Stopped")


def request(model: str, source: str, output: str, content_type: str = "text/csv", **more: Any) -> dict[str, Any]:
    """A CreateTransformJob request. `more` has members of TransformInput and TransformOutput, and of the request."""
    given = {name: more.pop(name) for name in ("CompressionType", "SplitType") if name in more}
    stored = {name: more.pop(name) for name in ("Accept", "AssembleWith") if name in more}
    kind = more.pop("S3DataType", "S3Prefix")
    return {
        "TransformJobName": f"transform-{uuid4().hex[:8]}",
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": kind, "S3Uri": source}},
            "ContentType": content_type,
            **given,
        },
        "TransformOutput": {"S3OutputPath": output, **stored},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    }


def run(server: Any, asked: dict[str, Any], status: str = "Completed") -> dict[str, Any]:
    """The description of a new job once it has ended, with `status`."""
    server.client("sagemaker").create_transform_job(**asked)
    return wait(server, asked["TransformJobName"], status)


def wait(server: Any, name: str, *statuses: str) -> dict[str, Any]:
    """The job's description once it has one of `statuses`. Raises AssertionError if it ends otherwise."""
    sagemaker = server.client("sagemaker")

    def described() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_transform_job(TransformJobName=name)
        if found["TransformJobStatus"] in statuses:
            return found
        assert found["TransformJobStatus"] not in ENDED, found
        return None

    return until(described, GENEROUS_SECONDS, what=f"{name} is never {statuses}")


def log(server: Any, name: str) -> list[str]:
    """The lines of a job's log, all streams; [] before it has one."""
    logs, group = server.client("logs"), "/aws/sagemaker/TransformJobs"
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name + "/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    lines = []
    for stream in streams:
        rows = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        lines += [row["message"] for row in rows["events"]]
    return lines
