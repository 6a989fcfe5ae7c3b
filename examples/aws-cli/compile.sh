#!/usr/bin/env bash
# Compiles an ONNX model for ml_c5 with the AWS CLI: bash compile.sh model.onnx
set -euo pipefail
model=$1 name=$(basename "$1" .onnx) job="cli-$(basename "$1" .onnx)"

tar -czf "$name.tar.gz" -C "$(dirname "$model")" "$(basename "$model")"
aws s3 mb s3://cli-example
aws s3 cp "$name.tar.gz" "s3://cli-example/$name.tar.gz"

aws sagemaker create-compilation-job \
    --compilation-job-name "$job" \
    --role-arn arn:aws:iam::123456789012:role/neo \
    --input-config "S3Uri=s3://cli-example/$name.tar.gz,Framework=ONNX" \
    --output-config S3OutputLocation=s3://cli-example/compiled,TargetDevice=ml_c5 \
    --stopping-condition MaxRuntimeInSeconds=900

describe() { aws sagemaker describe-compilation-job --compilation-job-name "$job" --output text --query "$1"; }
until status=$(describe CompilationJobStatus) && [[ $status =~ COMPLETED|FAILED|STOPPED ]]; do sleep 1; done
[ "$status" = COMPLETED ] || { describe FailureReason; exit 1; }
aws s3 cp "$(describe ModelArtifacts.S3ModelArtifacts)" .
