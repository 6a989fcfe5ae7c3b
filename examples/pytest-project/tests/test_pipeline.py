import io
import tarfile

import pipeline
import pytest


def test_a_model_is_compiled(neo_client, neo_s3, neo_bucket, model):
    uri = pipeline.upload(neo_s3, model, neo_bucket)
    pipeline.start(neo_client, "job", uri, {"x": [1, 4]}, "ml_m6g")
    artifact = pipeline.finish(neo_client, "job")
    assert artifact == f"s3://{neo_bucket}/compiled/model-ml_m6g.tar.gz"
    content = neo_s3.get_object(Bucket=neo_bucket, Key="compiled/model-ml_m6g.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert {"compiled.so", "compiled.meta"} <= set(tar.getnames())


def test_a_wrong_input_is_reported(neo_client, neo_s3, neo_bucket, model):
    uri = pipeline.upload(neo_s3, model, neo_bucket)
    pipeline.start(neo_client, "job", uri, {"nothing": [1, 4]}, "ml_m6g")
    with pytest.raises(pipeline.CompilationError, match="InputConfiguration"):
        pipeline.finish(neo_client, "job")


@pytest.mark.parametrize("run", range(2))
def test_each_test_begins_with_nothing(neo_client, neo_s3, neo_bucket, neo_wait, model, run):
    assert neo_client.list_compilation_jobs()["CompilationJobSummaries"] == []
    assert [bucket["Name"] for bucket in neo_s3.list_buckets()["Buckets"]] == [neo_bucket]
    pipeline.start(neo_client, "job", pipeline.upload(neo_s3, model, neo_bucket), {"x": [1, 4]}, "ml_c5")
    assert neo_wait("job")["CompilationJobStatus"] == "COMPLETED"


def test_a_job_is_stopped(slow, model):
    pipeline.start(slow.sagemaker, "job", pipeline.upload(slow.s3, model, slow.bucket()), {"x": [1, 4]}, "ml_c5")
    slow.wait("job", "INPROGRESS")
    slow.sagemaker.stop_compilation_job(CompilationJobName="job")
    with pytest.raises(pipeline.CompilationError, match="STOPPED"):
        pipeline.finish(slow.sagemaker, "job")


def test_a_planned_failure(slow, model):
    slow.pace(min_run_seconds=0)
    slow.fail_next("ServerError: no capacity")
    pipeline.start(slow.sagemaker, "job", pipeline.upload(slow.s3, model, slow.bucket()), {"x": [1, 4]}, "ml_c5")
    with pytest.raises(pipeline.CompilationError, match="no capacity"):
        pipeline.finish(slow.sagemaker, "job")
