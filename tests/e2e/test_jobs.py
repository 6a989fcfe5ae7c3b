"""Whole jobs through boto3 on a running emulator: states, artifact, bad input, Stop, timeouts, lost processes."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.models import conv_net
from support import jobs, processes

from neo_emulator.testing.server_process import ServerProcess, client

MODEL = conv_net().model
CONV = '{"data": [1, 3, 32, 32]}'


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(lease_seconds=1.5, republish_seconds=2) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="neo")
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=MODEL))
        yield server


@pytest.fixture
def sagemaker(server: ServerProcess) -> Any:
    return server.client("sagemaker")


@pytest.fixture
def s3(server: ServerProcess) -> Any:
    return server.client("s3")


def test_a_job_walks_its_states_and_leaves_a_real_artifact(sagemaker: Any, s3: Any) -> None:
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/a/b/", KmsKeyId="alias/mine")
    seen = []
    while not seen or seen[-1] not in jobs.TERMINAL:
        job = sagemaker.describe_compilation_job(CompilationJobName=name)
        if not seen or seen[-1] != job["CompilationJobStatus"]:
            seen.append(job["CompilationJobStatus"])
            assert ("CompilationStartTime" in job) == (seen[-1] != "STARTING")
            assert ("ModelArtifacts" in job) == (seen[-1] == "COMPLETED")
        time.sleep(0.01)
    assert [s for s in seen if s != "STARTING"] == ["INPROGRESS", "COMPLETED"], job.get("FailureReason")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://neo/a/b/conv-ml_c5.tar.gz"
    answer = s3.get_object(Bucket="neo", Key="a/b/conv-ml_c5.tar.gz")
    body = answer["Body"].read()
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", "alias/mine")
    assert hashlib.blake2b(body).hexdigest() == job["ModelDigests"]["ArtifactDigest"]
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        assert {"compiled.so", "compiled.params", "compiled.meta", "manifest"} <= set(tar.getnames())


def test_shapes_are_derived_when_the_model_has_them(sagemaker: Any) -> None:
    job = jobs.wait(sagemaker, jobs.create(sagemaker, "s3://neo/conv.tar.gz", None))
    assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
    assert json.loads(job["DerivedInformation"]["DerivedDataInputConfig"]) == {"data": [1, 3, 32, 32]}


def test_platform_is_in_the_artifacts_name(sagemaker: Any) -> None:
    target = {"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64"}}
    job = jobs.wait(sagemaker, jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, **target))
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://neo/out/conv-LINUX_ARM64.tar.gz"


CLIENT_ERROR = "ClientError: InputConfiguration: "
BAD = {
    "not a tar.gz": (b"hello", CONV, "Unable to untar input model.Please confirm the model is a tar.gz file"),
    "no onnx": (
        jobs.archive(readme__txt=b"x"),
        CONV,
        "No .onnx file found for ONNX model. Please make sure the framework you select is correct.",
    ),
    "two onnx": (
        jobs.archive(a__onnx=b"x", b__onnx=b"x"),
        CONV,
        "Exactly one .onnx file is allowed for ONNX models.",
    ),
    "broken onnx": (
        jobs.archive(a__onnx=b"\xff" * 64),
        CONV,
        "Framework cannot load ONNX model. Please make sure the framework you select is correct.",
    ),
    "wrong name": (None, '{"picture": [1, 3, 32, 32]}', "data"),
    "wrong shape": (None, '{"data": [1, 4, 32, 32]}', ""),
    "not json": (None, "{data: 1", "Cannot load DataInputConfig. Incorrect json format."),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_failed_job_with_neos_words(sagemaker: Any, s3: Any, case: str) -> None:
    body, inputs, words = BAD[case]
    key = "conv.tar.gz"
    if body is not None:
        key = "bad.tar.gz"
        s3.put_object(Bucket="neo", Key=key, Body=body)
    job = jobs.wait(sagemaker, jobs.create(sagemaker, f"s3://neo/{key}", inputs), seconds=30)
    assert job["CompilationJobStatus"] == "FAILED"
    assert job["FailureReason"].startswith(CLIENT_ERROR)
    assert words in job["FailureReason"]
    assert "ModelArtifacts" not in job


@pytest.mark.parametrize("uri", ["s3://neo/missing.tar.gz", "s3://no-such-bucket/model.tar.gz"])
def test_missing_model(sagemaker: Any, uri: str) -> None:
    job = jobs.wait(sagemaker, jobs.create(sagemaker, uri, CONV))
    bucket, key = uri.removeprefix("s3://").split("/")
    assert job["CompilationJobStatus"] == "FAILED"
    assert job["FailureReason"].startswith(f"{CLIENT_ERROR}S3 object does not exist. Bucket: {bucket}, Key: {key}")


def test_missing_output_bucket(sagemaker: Any) -> None:
    job = jobs.wait(sagemaker, jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://nowhere/x"))
    assert job["CompilationJobStatus"] == "FAILED"
    assert "Bucket: nowhere" in job["FailureReason"]


def test_bucket_in_another_region(sagemaker: Any, server: ServerProcess) -> None:
    west = server.client("s3", region="us-west-2")
    west.create_bucket(Bucket="west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    west.put_object(Bucket="west", Key="m.tar.gz", Body=b"x")
    job = jobs.wait(sagemaker, jobs.create(sagemaker, "s3://west/m.tar.gz", CONV))
    assert "is in region us-west-2 which is different from" in job["FailureReason"]


# jobs that are held, on a server of their own


@pytest.fixture(scope="module")
def slow() -> Iterator[ServerProcess]:
    """A server whose jobs stay INPROGRESS for 3 seconds at least."""
    with ServerProcess("--workers", "4", min_run_seconds=3, lease_seconds=1.5, republish_seconds=2) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="neo")
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=MODEL))
        s3.put_object(Bucket="neo", Key="bad.tar.gz", Body=b"bad")
        yield server


def test_min_run_seconds_holds_good_and_bad_jobs(slow: ServerProcess) -> None:
    sagemaker = slow.client("sagemaker")
    names = [jobs.create(sagemaker, f"s3://neo/{key}", CONV) for key in ("conv.tar.gz", "bad.tar.gz")]
    for name in names:
        jobs.wait(sagemaker, name, "INPROGRESS")
    begun = time.monotonic()
    ends = [jobs.wait(sagemaker, name)["CompilationJobStatus"] for name in names]
    assert ends == ["COMPLETED", "FAILED"]
    assert time.monotonic() - begun > 2


def test_stop_leaves_no_artifact(slow: ServerProcess) -> None:
    sagemaker = slow.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/stopped")
    jobs.wait(sagemaker, name, "INPROGRESS")
    time.sleep(1)
    sagemaker.stop_compilation_job(CompilationJobName=name)
    assert sagemaker.describe_compilation_job(CompilationJobName=name)["CompilationJobStatus"] in (
        "STOPPING",
        "STOPPED",
    )
    job = jobs.wait(sagemaker, name)
    assert job["CompilationJobStatus"] == "STOPPED"
    assert "ModelArtifacts" not in job
    assert "FailureReason" not in job
    time.sleep(2.5)
    assert jobs.keys(slow.client("s3"), "neo", "stopped") == []
    sagemaker.delete_compilation_job(CompilationJobName=name)


def test_max_runtime_ends_a_job(slow: ServerProcess) -> None:
    sagemaker = slow.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/late", max_runtime=1)
    job = jobs.wait(sagemaker, name)
    assert job["CompilationJobStatus"] == "FAILED"
    assert job["FailureReason"].startswith("ClientError: TimeOut: ")
    assert jobs.keys(slow.client("s3"), "neo", "late") == []


def compile_children(server: ServerProcess) -> list[int]:
    """Pids of the compiles under way: they lead sessions of their own below the server's processes."""
    assert server.pid is not None
    return [pid for pid in processes.descendants(server.pid) if os.getsid(pid) == pid]


def only_child(server: ServerProcess) -> int:
    """The pid of the one compile under way, once it has begun and those of jobs that ended are gone."""
    deadline = time.monotonic() + 30
    while len(found := compile_children(server)) != 1:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found[0]


def test_a_killed_compiler_fails_its_job_and_no_other(slow: ServerProcess) -> None:
    sagemaker = slow.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    jobs.wait(sagemaker, name, "INPROGRESS")
    child = only_child(slow)
    other = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/other")
    os.kill(child, signal.SIGKILL)
    job = jobs.wait(sagemaker, name)
    assert job["CompilationJobStatus"] == "FAILED"
    assert job["FailureReason"].startswith("ServerError: the compiler was killed by signal 9")
    assert jobs.wait(sagemaker, other)["CompilationJobStatus"] == "COMPLETED"


@pytest.mark.parametrize("victim", ["neo_workers", "valkey-server"])
def test_jobs_survive_a_killed_component(slow: ServerProcess, victim: str) -> None:
    sagemaker = slow.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    jobs.wait(sagemaker, name, "INPROGRESS")
    time.sleep(0.5)
    assert slow.pid is not None
    children = compile_children(slow)
    pids = [
        pid
        for pid in processes.descendants(slow.pid)
        if victim in processes.command(pid).split(" -- ")[0] and "guard.py" not in processes.command(pid)
    ]
    os.kill(min(pids), signal.SIGKILL)
    if victim == "neo_workers":
        assert processes.still_there(children, 3) == []
    assert jobs.wait(sagemaker, name)["CompilationJobStatus"] == "COMPLETED"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_server(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "neo_emulator", "serve", "--port", "0"]
    environment = {**os.environ, "NEO_EMULATOR_MIN_RUN_SECONDS": "30"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("ready: ").strip()
        s3, sagemaker = client("s3", url), client("sagemaker", url)
        s3.create_bucket(Bucket="neo")
        body = jobs.archive(model__onnx=MODEL)
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=body)
        jobs.wait(sagemaker, jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV), "INPROGRESS")
        time.sleep(0.3)
        family = [server.pid, *processes.descendants(server.pid)]
        assert len(family) >= 6  # serve, two guards, Valkey, worker, the process to fork from, a compile
        server.send_signal(how)
        assert server.wait(10) == (-how if how is signal.SIGKILL else 0)
        if how is not signal.SIGKILL:
            assert processes.still_there(family, 1) == []
        assert processes.still_there(family, 3) == []
