"""sagemaker 2.257: Model.compile and what it does with results, failures and a Stop."""

import threading

import boto3
import sagemaker
from common import MODEL, ROLE, control, expect
from sagemaker.exceptions import CapacityError, UnexpectedStatusException
from sagemaker.model import Model

session = sagemaker.Session(default_bucket="neo")
client = boto3.client("sagemaker")


def compiled(name, device="ml_c5", **options):
    model = Model(image_uri="image", model_data=MODEL, role=ROLE, sagemaker_session=session)
    shape = options.pop("shape", {"data": [1, 3, 32, 32]})
    return model.compile(device, shape, "s3://neo/sdk", role=ROLE, job_name=name, framework="onnx", **options)


model = compiled("sdk-device", tags=[{"Key": "team", "Value": "x"}])
expect(model.model_data, "s3://neo/sdk/conv-ml_c5.tar.gz")
expect(model.image_uri, "785573368785.dkr.ecr.us-east-1.amazonaws.com/sagemaker-neo-onnx:1.5.0-cpu-py3")
arn = client.describe_compilation_job(CompilationJobName="sdk-device")["CompilationJobArn"]
expect(client.list_tags(ResourceArn=arn)["Tags"], [{"Key": "team", "Value": "x"}])

platform = compiled("sdk-platform", None, target_platform_os="LINUX", target_platform_arch="ARM64")
expect(platform.model_data, "s3://neo/sdk/conv-LINUX_ARM64.tar.gz")

boto3.client("iam").create_role(RoleName="neo", AssumeRolePolicyDocument="{}")
expect(session.expand_role("neo"), ROLE)

control("faults", reason="CapacityError: no capacity")
try:
    compiled("sdk-capacity")
    raise SystemExit("the planned CapacityError did not come")
except CapacityError as error:
    assert "no capacity" in str(error), error
try:
    compiled("sdk-bad", shape={"nothing": [1]})
    raise SystemExit("a wrong input name compiled")
except UnexpectedStatusException as error:
    assert error.actual_status == "Failed", error.actual_status
    assert "ClientError: InputConfiguration: " in str(error), error

control("pace", min_run_seconds=60)
job = {
    "CompilationJobName": "sdk-stopped",
    "RoleArn": ROLE,
    "InputConfig": {"S3Uri": MODEL, "Framework": "ONNX"},
    "OutputConfig": {"S3OutputLocation": "s3://neo/sdk", "TargetDevice": "ml_c5"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 900},
}
client.create_compilation_job(**job)
stop = threading.Timer(1, client.stop_compilation_job, kwargs={"CompilationJobName": "sdk-stopped"})
stop.start()
expect(session.wait_for_compilation_job("sdk-stopped", poll=0.2)["CompilationJobStatus"], "STOPPED")
control("pace", min_run_seconds=0)
print("ok")
