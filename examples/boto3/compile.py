"""Compiles an ONNX model for ml_c5: python compile.py model.onnx"""

import io
import sys
import tarfile
from pathlib import Path

import boto3

from neo_emulator import compilation_job_completed_or_stopped

model = Path(sys.argv[1])
s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")

archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:gz") as tar:
    tar.add(model, model.name)
s3.create_bucket(Bucket="boto3-example")
s3.put_object(Bucket="boto3-example", Key=f"{model.stem}.tar.gz", Body=archive.getvalue())

sagemaker.create_compilation_job(
    CompilationJobName=f"boto3-{model.stem}",
    RoleArn="arn:aws:iam::123456789012:role/neo",
    InputConfig={"S3Uri": f"s3://boto3-example/{model.stem}.tar.gz", "Framework": "ONNX"},
    OutputConfig={"S3OutputLocation": "s3://boto3-example/compiled", "TargetDevice": "ml_c5"},
    StoppingCondition={"MaxRuntimeInSeconds": 900},
)
# works against AWS as well: botocore has no waiter for compilation jobs
waiter = compilation_job_completed_or_stopped(sagemaker)
waiter.wait(CompilationJobName=f"boto3-{model.stem}", WaiterConfig={"Delay": 1})
job = sagemaker.describe_compilation_job(CompilationJobName=f"boto3-{model.stem}")

bucket, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
s3.download_file(bucket, key, str(model.with_name(key.rsplit("/", 1)[1])))
print(f"inputs {job['DerivedInformation']['DerivedDataInputConfig']}, artifact {key}")
