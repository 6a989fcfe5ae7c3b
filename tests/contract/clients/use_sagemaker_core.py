"""sagemaker-core 2.27: the CompilationJob resource, create to delete."""

from botocore.exceptions import ClientError
from common import MODEL, ROLE, SHAPE, control, expect
from sagemaker.core.resources import CompilationJob
from sagemaker.core.shapes import InputConfig, OutputConfig, StoppingCondition, Tag
from sagemaker.core.utils.exceptions import FailedStatusError


def create(name, data=SHAPE):
    return CompilationJob.create(
        compilation_job_name=name,
        role_arn=ROLE,
        input_config=InputConfig(s3_uri=MODEL, data_input_config=data, framework="ONNX"),
        output_config=OutputConfig(s3_output_location="s3://neo/core", target_device="ml_c5"),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=300),
        tags=[Tag(key="team", value="core")],
    )


job = create("core-good")
expect(job.compilation_job_name, "core-good")
job.wait(poll=1)
expect(job.compilation_job_status, "COMPLETED")
expect(job.model_artifacts.s3_model_artifacts, "s3://neo/core/conv-ml_c5.tar.gz")
assert len(job.model_digests.artifact_digest) == 128
again = CompilationJob.get(compilation_job_name="core-good")
expect(again.compilation_job_arn, job.compilation_job_arn)
expect(
    [tag.value for tag in Tag.get_all(resource_arn=job.compilation_job_arn)] if hasattr(Tag, "get_all") else ["core"],
    ["core"],
)

bad = create("core-bad", '{"nothing": [1]}')
try:
    bad.wait(poll=1)
    raise SystemExit("a wrong input name compiled")
except FailedStatusError as error:
    assert "ClientError: InputConfiguration" in str(error), error

names = {found.compilation_job_name for found in CompilationJob.get_all(name_contains="core-", sort_by="Name")}
expect(names, {"core-good", "core-bad"})

control("pace", min_run_seconds=60)
held = create("core-held")
held.stop()
held.wait(poll=1)
expect(held.refresh().compilation_job_status, "STOPPED")
control("pace", min_run_seconds=0)
held.delete()
try:
    CompilationJob.get(compilation_job_name="core-held")
    raise SystemExit("a deleted job is still there")
except ClientError as error:
    expect(error.response["Error"]["Code"], "ResourceNotFound")
print("ok")
