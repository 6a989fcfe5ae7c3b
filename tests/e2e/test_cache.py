"""The compile cache through the server: the same job again, several at once, and the switch."""

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.models import conv_net
from support import jobs
from support.waiting import until

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


def run(server: ServerProcess, inputs: str | None = CONV, output: str = "s3://neo/out", **more: Any) -> Any:
    """The completed job."""
    sagemaker = server.client("sagemaker")
    job = jobs.wait(sagemaker, jobs.create(sagemaker, "s3://neo/conv.tar.gz", inputs, output, **more))
    assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
    return job


def counted(server: ServerProcess) -> tuple[int, int]:
    """How many jobs have completed by compiling, and how many from the cache."""
    with urllib.request.urlopen(f"{server.url}/_neo/metrics", timeout=60) as page:
        found = re.findall(r'neo_emulator_cache_total{result="(\w+)"} (\d+)', page.read().decode())
    figures = {result: int(count) for result, count in found}
    return figures["miss"], figures["hit"]


def until_counted(server: ServerProcess, misses: int, hits: int) -> None:
    """Returns once all jobs are counted: that is done after their status is written. Raises where others are."""
    until(lambda: sum(counted(server)) >= misses + hits, what=lambda: counted(server))
    assert counted(server) == (misses, hits)


def made_by(server: ServerProcess, job: Any) -> str:
    """What the job's log says of where its artifact is from."""
    lines = jobs.log(server.client("logs"), job["CompilationJobName"])
    compiled, cached = "step: compile" in lines, any(line.startswith("cache hit ") for line in lines)
    assert compiled != cached, lines
    return "compiler" if compiled else "cache"


def test_the_same_job_again_is_not_compiled_and_the_same(server: ServerProcess) -> None:
    first = run(server)
    assert made_by(server, first) == "compiler"
    again = [run(server, inputs="{'data': [1,3,32,32]}", output=f"s3://neo/again{n}") for n in range(5)]
    assert {made_by(server, job) for job in again} == {"cache"}
    assert {job["ModelDigests"]["ArtifactDigest"] for job in again} == {first["ModelDigests"]["ArtifactDigest"]}
    s3 = server.client("s3")
    bodies = {s3.get_object(Bucket="neo", Key=key)["Body"].read() for key in jobs.keys(s3, "neo") if "-ml_c5" in key}
    assert len(bodies) == 1
    until_counted(server, misses=1, hits=5)


def test_derived_shapes_come_from_the_cache_too(server: ServerProcess) -> None:
    first, second = run(server, inputs=None), run(server, inputs=None)
    assert (made_by(server, first), made_by(server, second)) == ("compiler", "cache")
    assert first["DerivedInformation"] == second["DerivedInformation"] == {"DerivedDataInputConfig": CONV}


def test_eight_equal_jobs_at_once_are_one_compile(server: ServerProcess) -> None:
    sagemaker = server.client("sagemaker")
    names = [
        jobs.create(sagemaker, "s3://neo/conv.tar.gz", CONV, f"s3://neo/eight{n}", TargetDevice="ml_m4")
        for n in range(8)
    ]
    ended = [jobs.wait(sagemaker, name) for name in names]
    assert {job["CompilationJobStatus"] for job in ended} == {"COMPLETED"}
    assert len({job["ModelDigests"]["ArtifactDigest"] for job in ended}) == 1
    assert sorted(made_by(server, job) for job in ended) == ["cache"] * 7 + ["compiler"]


def test_switched_off_it_is_neither_read_nor_written(tmp_path: Path) -> None:
    for server in serving(cache="false", cache_dir=tmp_path / "cache"):
        first, second = run(server), run(server)
        assert made_by(server, first) == made_by(server, second) == "compiler"
        assert first["ModelDigests"] == second["ModelDigests"]  # compiled twice, the same bytes
        assert not (tmp_path / "cache").exists()
