"""Jobs of `serve --data-dir` over SIGKILL and restart."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.models import conv_net
from support import jobs
from support.kept import Kept
from support.waiting import until

CONV = '{"data": [1, 3, 32, 32]}'


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    emulator = Kept(tmp_path / "data", republish_seconds=1, lease_seconds=1.5).start()
    yield emulator
    emulator.stop()


def test_jobs_outlive_their_server(kept: Kept, tmp_path: Path) -> None:
    s3, sagemaker = kept.client("s3"), kept.client("sagemaker")
    s3.create_bucket(Bucket="neo")
    s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))
    done = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/done")
    before = jobs.wait(sagemaker, done)
    assert before["CompilationJobStatus"] == "COMPLETED", before.get("FailureReason")
    kept.endpoint.pace(min_run_seconds=3600)
    under_way = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/later", TargetDevice="ml_m4")
    jobs.wait(sagemaker, under_way, "INPROGRESS")
    until(lambda: list((tmp_path / "data/work").glob("*/*")))  # its compile has begun
    kept.restart()

    s3, sagemaker = kept.client("s3"), kept.client("sagemaker")
    after = sagemaker.describe_compilation_job(CompilationJobName=done)
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert after == before
    body = s3.get_object(Bucket="neo", Key="done/conv-ml_c5.tar.gz")["Body"].read()
    assert hashlib.blake2b(body).hexdigest() == after["ModelDigests"]["ArtifactDigest"]

    kept.endpoint.pace(min_run_seconds=0)
    job = jobs.wait(sagemaker, under_way)
    assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
    body = s3.get_object(Bucket="neo", Key="later/conv-ml_m4.tar.gz")["Body"].read()
    assert hashlib.blake2b(body).hexdigest() == job["ModelDigests"]["ArtifactDigest"]
    kept.stop()
    assert list((tmp_path / "data/work").glob("*")) == []  # nothing of the killed compile is left
