"""DescribeTransformJob's response and rows of ListTransformJobs, from a job's record."""

from __future__ import annotations

from neo_emulator.hosting.arns import arn
from neo_emulator.hosting.describe import moment
from neo_workers.jobs import JsonObject
from neo_workers.transform.jobs import TransformJob


def describe(job: TransformJob) -> JsonObject:
    """The members of DescribeTransformJob; those without a value are absent."""
    times = {"TransformStartTime": job.started_ms, "TransformEndTime": job.ended_ms}
    return {
        **job.request,
        "TransformJobArn": arn("transform-job", job.id.scope, job.id.name),
        "TransformJobStatus": str(job.status),
        "CreationTime": moment(job.created_ms),
        **{name: moment(at_ms) for name, at_ms in times.items() if at_ms is not None},
        **({"FailureReason": job.failure_reason} if job.failure_reason else {}),
    }


def summary(job: TransformJob) -> JsonObject:
    """One row of ListTransformJobs."""
    kept = ("TransformJobName", "TransformJobArn", "CreationTime", "TransformEndTime", "TransformJobStatus")
    described = describe(job)
    row = {name: described[name] for name in (*kept, "FailureReason") if name in described}
    return {**row, "LastModifiedTime": moment(job.modified_ms)}
