"""Compiles an ONNX model for ml_c5 with the SageMaker SDK: python compile.py model.onnx '{"data": [1, 3, 224, 224]}'"""

import json
import sys
import tarfile
from pathlib import Path

import boto3
import sagemaker
from sagemaker.model import Model

path, inputs = Path(sys.argv[1]), json.loads(sys.argv[2])
bucket = "sagemaker-sdk-example"
boto3.client("s3").create_bucket(Bucket=bucket)
session = sagemaker.Session(default_bucket=bucket)
with tarfile.open(f"{path.stem}.tar.gz", "w:gz") as tar:
    tar.add(path, path.name)

model = Model(
    image_uri="image",  # of the inference container; not used by compile()
    model_data=session.upload_data(f"{path.stem}.tar.gz", bucket=bucket),
    role="arn:aws:iam::123456789012:role/neo",
    sagemaker_session=session,
)
compiled = model.compile(
    target_instance_family="ml_c5",
    input_shape=inputs,
    output_path=f"s3://{bucket}/compiled",
    role=model.role,
    job_name=f"sdk-{path.stem}",
    framework="onnx",
)
sagemaker.s3.S3Downloader.download(compiled.model_data, ".", sagemaker_session=session)
print(compiled.model_data)
