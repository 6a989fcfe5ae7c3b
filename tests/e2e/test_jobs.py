"""Whole jobs through boto3 on a running emulator: states, artifact, bad input, Stop, timeouts, lost processes."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.models import conv_net
from support import jobs, processes
from support.waiting import GENEROUS_SECONDS, stays, until

from neo_emulator.testing.server_process import ServerProcess, client

MODEL = conv_net().model
CONV = '{"data": [1, 3, 32, 32]}'
MIN_RUN_SECONDS = 3


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
    seen: list[str] = []

    def ended() -> Any:
        job = sagemaker.describe_compilation_job(CompilationJobName=name)
        if seen[-1:] != [job["CompilationJobStatus"]]:
            seen.append(job["CompilationJobStatus"])
            assert ("CompilationStartTime" in job) == (seen[-1] != "STARTING")
            assert ("ModelArtifacts" in job) == (seen[-1] == "COMPLETED")
        return job if seen[-1] in jobs.TERMINAL else None

    job = until(ended, what=seen)
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
    job = jobs.wait(sagemaker, jobs.create(sagemaker, f"s3://neo/{key}", inputs))
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
def holding() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "4", lease_seconds=1.5, republish_seconds=2, max_attempts=10) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="neo")
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=MODEL))
        s3.put_object(Bucket="neo", Key="bad.tar.gz", Body=b"bad")
        yield server


@pytest.fixture
def slow(holding: ServerProcess) -> ServerProcess:
    """A server whose jobs stay INPROGRESS until `let_go`."""
    holding.pace(min_run_seconds=3600)
    return holding


def let_go(server: ServerProcess) -> None:
    """Lets jobs end, once the store is there to hear it."""

    def said() -> bool:
        try:
            server.pace(min_run_seconds=0)
        except (OSError, ValueError):
            return False
        return True

    until(said)


def test_min_run_seconds_holds_good_and_bad_jobs(slow: ServerProcess) -> None:
    sagemaker = slow.client("sagemaker")
    slow.pace(min_run_seconds=MIN_RUN_SECONDS)
    names = [jobs.create(sagemaker, f"s3://neo/{key}", CONV) for key in ("conv.tar.gz", "bad.tar.gz")]
    ended = [jobs.wait(sagemaker, name) for name in names]
    assert [job["CompilationJobStatus"] for job in ended] == ["COMPLETED", "FAILED"]
    for job in ended:  # times of the service have whole seconds
        assert (job["CompilationEndTime"] - job["CompilationStartTime"]).total_seconds() >= MIN_RUN_SECONDS - 1


def test_stop_leaves_no_artifact(slow: ServerProcess) -> None:
    sagemaker = slow.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/stopped")
    jobs.wait(sagemaker, name, "INPROGRESS")
    until(lambda: "step: upload" in jobs.log(slow.client("logs"), name))  # the artifact is made, and held back
    sagemaker.stop_compilation_job(CompilationJobName=name)
    assert jobs.status(sagemaker, name) in ("STOPPING", "STOPPED")
    job = jobs.wait(sagemaker, name)
    assert job["CompilationJobStatus"] == "STOPPED"
    assert "ModelArtifacts" not in job
    assert "FailureReason" not in job
    s3 = slow.client("s3")
    let_go(slow)
    stays(lambda: jobs.keys(s3, "neo", "stopped") == [], 1)
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
    return [pid for pid in processes.descendants(server.pid) if processes.leads(pid)]


def only_child(server: ServerProcess) -> int:
    """The pid of the one compile under way, once it waits for its upload and those of jobs that ended are gone."""

    def found() -> int | None:
        children = compile_children(server)
        return children[0] if len(children) == 1 else None

    return until(found, what=lambda: compile_children(server))


def test_a_killed_compiler_fails_its_job_and_no_other(slow: ServerProcess) -> None:
    sagemaker = slow.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    jobs.wait(sagemaker, name, "INPROGRESS")
    child = only_child(slow)
    other = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, output="s3://neo/other")
    os.kill(child, signal.SIGKILL)
    let_go(slow)
    job = jobs.wait(sagemaker, name)
    assert job["CompilationJobStatus"] == "FAILED"
    assert job["FailureReason"].startswith("ServerError: the compiler was killed by signal 9")
    assert jobs.wait(sagemaker, other)["CompilationJobStatus"] == "COMPLETED"


@pytest.mark.parametrize("victim", ["neo_workers", "valkey-server"])
def test_jobs_survive_a_killed_component(slow: ServerProcess, victim: str) -> None:
    sagemaker = slow.client("sagemaker")
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV)
    jobs.wait(sagemaker, name, "INPROGRESS")
    assert slow.pid is not None
    children = [only_child(slow)]
    pids = [
        pid
        for pid in processes.descendants(slow.pid)
        if victim in processes.command(pid).split(" -- ")[0] and "lifeline.py" not in processes.command(pid)
    ]
    os.kill(min(pids), signal.SIGKILL)
    if victim == "neo_workers":
        processes.all_gone(children)
    let_go(slow)
    assert jobs.wait(sagemaker, name)["CompilationJobStatus"] == "COMPLETED"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_server(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "neo_emulator", "serve", "--port", "0"]
    environment = {**os.environ, "NEO_EMULATOR_MIN_RUN_SECONDS": "3600"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("ready: ").strip()
        s3, sagemaker = client("s3", url), client("sagemaker", url)
        s3.create_bucket(Bucket="neo")
        body = jobs.archive(model__onnx=MODEL)
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=body)
        jobs.wait(sagemaker, jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV), "INPROGRESS")
        # the compile comes last, behind serve, two guards, Valkey, the worker and the process to fork from
        until(lambda: any(processes.leads(pid) for pid in processes.descendants(server.pid)))
        family = [server.pid, *processes.descendants(server.pid)]
        assert len(family) >= 7
        server.send_signal(how)
        assert server.wait(GENEROUS_SECONDS) == (-how if how is signal.SIGKILL else 0)
        processes.all_gone(family)
