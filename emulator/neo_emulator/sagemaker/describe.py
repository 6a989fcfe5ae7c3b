"""The responses of DescribeCompilationJob and ListCompilationJobs: which members are present in which state.

Source: recordings of INPROGRESS, STOPPING and FAILED jobs of 2024-04-16 (cloud-custodian's tests,
test_sagemaker_compilation_job_*): members that have no value yet are absent, even those that the model calls required.
"""

from __future__ import annotations

from neo_emulator.protocol.arns import job_arn
from neo_emulator.sagemaker.inference_images import inference_image
from neo_workers.jobs import MODEL_PACKAGE_INPUT, Job, JobStatus, JsonObject

ECHOED = ("RoleArn", "InputConfig", "OutputConfig", "StoppingCondition", "VpcConfig", "ModelPackageVersionArn")
"""Members of the request that are returned as sent."""


def describe(job: Job) -> JsonObject:
    """The members of DescribeCompilationJob."""
    members: JsonObject = {
        "CompilationJobName": job.id.name,
        "CompilationJobArn": job_arn(job.id),
        "CompilationJobStatus": job.status,
        **_times(job),
        **{name: job.request[name] for name in ECHOED if name in job.request},
        **_result(job),
    }
    source, output = (
        job.request.get("InputConfig") or job.request.get(MODEL_PACKAGE_INPUT, {}),
        job.request["OutputConfig"],
    )
    members["InferenceImage"] = inference_image(
        job.id.scope.region, output.get("TargetDevice"), source.get("Framework"), source.get("FrameworkVersion")
    )
    if job.status is JobStatus.FAILED:
        members["FailureReason"] = job.failure_reason
    return _present(members)


def summary(job: Job) -> JsonObject:
    """The members of one CompilationJobSummary."""
    output = job.request["OutputConfig"]
    platform = output.get("TargetPlatform", {})
    return _present(
        {
            "CompilationJobName": job.id.name,
            "CompilationJobArn": job_arn(job.id),
            "CompilationJobStatus": job.status,
            **_times(job),
            "CompilationTargetDevice": output.get("TargetDevice"),
            "CompilationTargetPlatformOs": platform.get("Os"),
            "CompilationTargetPlatformArch": platform.get("Arch"),
            "CompilationTargetPlatformAccelerator": platform.get("Accelerator"),
        }
    )


def _times(job: Job) -> JsonObject:
    return {
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        # a requeued job is shown as one that has not started
        "CompilationStartTime": None if job.status is JobStatus.STARTING else job.started,
        "CompilationEndTime": job.ended,
    }


def _result(job: Job) -> JsonObject:
    if job.status is not JobStatus.COMPLETED or job.result is None:
        return {}
    result = job.result
    members: JsonObject = {
        "ModelArtifacts": {"S3ModelArtifacts": result.artifact_uri},
        "ModelDigests": {"ArtifactDigest": result.artifact_digest},
    }
    if result.derived_data_input_config is not None:
        members["DerivedInformation"] = {"DerivedDataInputConfig": result.derived_data_input_config}
    return members


def _present(members: JsonObject) -> JsonObject:
    return {name: value for name, value in members.items() if value is not None}
