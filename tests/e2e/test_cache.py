"""The compile cache through the server: the same job again, several at once, and the switch."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.models import conv_net
from support import jobs

from neo_emulator.testing.server_process import ServerProcess

MODEL = conv_net().model
CONV = '{"data": [1, 3, 32, 32]}'


def serving(*arguments: str, **settings: object) -> Iterator[ServerProcess]:
    with ServerProcess(*arguments, **settings) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="neo")
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=MODEL))
        yield server


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    yield from serving("--workers", "8")


def run(
    server: ServerProcess, inputs: str | None = CONV, output: str = "s3://neo/out", **more: Any
) -> tuple[Any, float]:
    """The ended job and its seconds from Create to COMPLETED as a client sees them."""
    sagemaker = server.client("sagemaker")
    begun = time.perf_counter()
    name = jobs.create(sagemaker, "s3://neo/conv.tar.gz", inputs, output, **more)
    while (job := sagemaker.describe_compilation_job(CompilationJobName=name))[
        "CompilationJobStatus"
    ] not in jobs.TERMINAL:
        time.sleep(0.01)
    assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
    return job, time.perf_counter() - begun


def hits(server: ServerProcess) -> int:
    return server.output.count("cache hit ")


def test_the_same_job_again_is_fast_and_the_same(server: ServerProcess) -> None:
    first, compiled = run(server)
    assert hits(server) == 0
    again = [run(server, inputs="{'data': [1,3,32,32]}", output=f"s3://neo/again{n}") for n in range(5)]
    fastest = min(seconds for _, seconds in again)
    print(f"compiled in {compiled:.2f} s, from the cache in {', '.join(f'{seconds:.2f}' for _, seconds in again)} s")
    assert fastest < 0.5
    assert {job["ModelDigests"]["ArtifactDigest"] for job, _ in again} == {first["ModelDigests"]["ArtifactDigest"]}
    s3 = server.client("s3")
    bodies = {s3.get_object(Bucket="neo", Key=key)["Body"].read() for key in jobs.keys(s3, "neo") if "-ml_c5" in key}
    assert len(bodies) == 1
    assert hits(server) == 5


def test_derived_shapes_come_from_the_cache_too(server: ServerProcess) -> None:
    before = hits(server)
    (first, _), (second, _) = run(server, inputs=None), run(server, inputs=None)
    assert hits(server) == before + 1
    assert first["DerivedInformation"] == second["DerivedInformation"] == {"DerivedDataInputConfig": CONV}


def test_eight_equal_jobs_at_once_are_one_compile(server: ServerProcess) -> None:
    before, sagemaker = hits(server), server.client("sagemaker")
    names = [
        jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, f"s3://neo/eight{n}", TargetDevice="ml_m4")
        for n in range(8)
    ]
    ended = [jobs.wait(sagemaker, name) for name in names]
    assert {job["CompilationJobStatus"] for job in ended} == {"COMPLETED"}
    assert len({job["ModelDigests"]["ArtifactDigest"] for job in ended}) == 1
    assert hits(server) == before + 7


def test_switched_off_it_is_neither_read_nor_written(tmp_path: Path) -> None:
    for server in serving(cache="false", cache_dir=tmp_path / "cache"):
        (first, _), (second, _) = run(server), run(server)
        assert hits(server) == 0
        assert first["ModelDigests"] == second["ModelDigests"]  # compiled twice, the same bytes
        assert not (tmp_path / "cache").exists()
