"""compose.yaml, really brought up, every profile of it: `make compose`. Three workers, one killed in the middle of its
jobs, nothing lost.

Needs a Docker engine and Compose v2 ($DOCKER_COMPOSE names its binary); takes some minutes, most of them the build.
`with_engine` beside this file brings both where they are not there.
"""

import base64
import json
import os
import platform
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compose.cpu_index import cpu_index
from compose.in_worker import PROGRAMS
from e2e.compiling import truth
from e2e.models import conv_net
from support import jobs
from support.waiting import until

from neo_compiler.runtime.execute import load_artifact
from neo_emulator.testing.endpoint import Endpoint
from neo_targets.binary import elf

ROOT = Path(__file__).parents[2]
PROJECT, PORT, FLOWER_PORT, ALONE_PORT, JOBS = "neo-compose-test", "14577", "15555", "14599", 12
HARDENED = ("emulator", "worker")
OVERRIDE = """
services: # an engine without NAT can only build on the host's network
  emulator: { build: { network: host } }
  worker-torch: { build: { network: host } }
  worker-tensorflow: { build: { network: host } }
  flower: { build: { network: host } }
  worker-gpu: { deploy: !reset null } # there is no GPU, and none is needed to compile
"""
HERE = {"Os": "LINUX", "Arch": "ARM64" if platform.machine() == "aarch64" else "X86_64"}

pytestmark = [
    pytest.mark.skipif(os.environ.get("NEO_COMPOSE") != "1", reason="make compose runs it"),
    pytest.mark.timeout(1800),
]


class Compose:
    """The project, by Compose's own command."""

    def __init__(self, override: Path) -> None:
        found = os.environ.get("DOCKER_COMPOSE") or shutil.which("docker-compose")
        self._command = [found] if found else ["docker", "compose"]
        self._files = ["-p", PROJECT, "-f", "compose.yaml", "-f", str(override)]

    def __call__(self, *words: str, check: bool = True, **more: str) -> str:
        environment = os.environ | {"NEO_PORT": PORT, "NEO_FLOWER_PORT": FLOWER_PORT} | more
        done = subprocess.run(
            [*self._command, *self._files, *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=1500,
        )
        assert not check or done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("needs a Docker engine")
    override = tmp_path_factory.mktemp("compose") / "override.yaml"
    override.write_text(OVERRIDE)
    compose = Compose(override)
    try:
        compose("up", "--detach", "--build", "--wait", "--scale", "worker=3")
        yield compose
    finally:
        compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)


@pytest.fixture(scope="module")
def neo(compose: Compose) -> Endpoint:
    neo = Endpoint(f"http://127.0.0.1:{PORT}")
    assert neo.control("ready")["workers"] == 3  # Compose waited until every container was healthy
    return neo


def test_a_killed_worker_costs_no_job(compose: Compose, neo: Endpoint) -> None:
    neo.s3.create_bucket(Bucket="neo")
    neo.s3.put_object(Bucket="neo", Key="net.tar.gz", Body=jobs.archive(net__onnx=conv_net().model))
    neo.pace(min_run_seconds=3600)
    names = [jobs.create(neo.sagemaker, "s3://neo/net.tar.gz", None, f"s3://neo/out/{n}") for n in range(JOBS)]
    workers = compose("ps", "--quiet", "worker").split()
    assert len(workers) == 3
    until(lambda: len(neo.control("jobs.json?status=INPROGRESS")["jobs"]) >= 6)
    docker("kill", workers[1])  # each of the three has two jobs under way
    neo.pace(min_run_seconds=0)
    for name in names:
        assert neo.wait(name, timeout_seconds=300)["CompilationJobStatus"] == "COMPLETED"
    assert len(jobs.keys(neo.s3, "neo", "out/")) == JOBS
    attempts = [neo.control(f"jobs/123456789012:us-east-1:{name}.json")["attempt"] for name in names]
    assert max(attempts) == 2, attempts  # the killed worker's jobs, and only they, were begun again
    assert attempts.count(2) <= 2


def test_what_workers_compile_runs(neo: Endpoint, tmp_path: Path) -> None:
    case = conv_net()
    neo.s3.put_object(Bucket="neo", Key="net.tar.gz", Body=jobs.archive(net__onnx=case.model))
    name = jobs.create(neo.sagemaker, "s3://neo/net.tar.gz", None, "s3://neo/run", TargetPlatform=HERE)
    (got,) = load_artifact(download(neo, neo.wait(name), tmp_path)).run(case.inputs).values()
    (expected,) = truth(case).values()
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_a_framework_that_no_worker_has(neo: Endpoint) -> None:
    assert neo.control("ready")["frameworks"] == ["DARKNET", "MXNET", "ONNX", "SKLEARN", "TFLITE", "XGBOOST"]
    (job,) = framework_jobs(neo, "PYTORCH", "net.tar.gz", {"input0": [1, 3, 8, 8]}, count=1)
    assert job["CompilationJobStatus"] == "FAILED"
    assert "needs torch" in job["FailureReason"]
    assert "start a worker that has it" in job["FailureReason"]


@pytest.mark.parametrize(
    ("service", "framework", "file"),
    [("worker-torch", "PYTORCH", "model.pth"), ("worker-tensorflow", "KERAS", "model.h5")],
)
def test_a_framework_that_one_worker_has(
    compose: Compose, neo: Endpoint, tmp_path: Path, service: str, framework: str, file: str
) -> None:
    """Its jobs find the one worker that has it, beside three that have not, and compute what the framework computes."""
    with tempfile.TemporaryDirectory() as folder, cpu_index(Path(folder)) as index:
        if index is None and service == "worker-torch":
            pytest.skip("no build of torch for CPUs is to be had: PYTORCH_CPU_INDEX names an index of them")
        up = ("up", "--detach", "--build", "--wait", "--no-deps", service)
        compose("--profile", service.removeprefix("worker-"), *up, PYTORCH_CPU_INDEX=index or "")
    try:
        made = json.loads(compose("exec", "-T", service, "python", "-c", PROGRAMS[service]).splitlines()[-1])
        archive = jobs.archive(**{file: base64.b64decode(made["model"])})
        neo.s3.put_object(Bucket="neo", Key=f"{service}.tar.gz", Body=archive)
        done = framework_jobs(neo, framework, f"{service}.tar.gz", {"input0": [1, 3, 8, 8]}, count=4)
    finally:
        compose("rm", "--stop", "--force", "--volumes", service)
    assert [job.get("FailureReason") for job in done] == [None] * 4
    x = np.linspace(-1, 1, 192, dtype=np.float32).reshape(1, 3, 8, 8)
    (got,) = load_artifact(download(neo, done[0], tmp_path)).run({"input0": x}).values()
    np.testing.assert_allclose(got, made["y"], rtol=1e-4, atol=1e-5)


def framework_jobs(
    neo: Endpoint, framework: str, key: str, inputs: dict[str, list[int]], count: int
) -> list[dict[str, Any]]:
    """Jobs for this machine's own platform, ended."""
    names = [f"{framework.lower()}-{count}-{n}" for n in range(count)]
    for name in names:
        neo.sagemaker.create_compilation_job(
            CompilationJobName=name,
            RoleArn=jobs.ROLE,
            InputConfig={"S3Uri": f"s3://neo/{key}", "Framework": framework, "DataInputConfig": json.dumps(inputs)},
            OutputConfig={"S3OutputLocation": f"s3://neo/{name}", "TargetPlatform": HERE},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )
    return [jobs.wait(neo.sagemaker, name, seconds=300) for name in names]


def test_the_gpu_worker_compiles_for_nvidia(compose: Compose, neo: Endpoint, tmp_path: Path) -> None:
    compose("--profile", "gpu", "up", "--detach", "--wait", "--no-deps", "worker-gpu")
    compose("stop", "worker")
    try:
        neo.s3.put_object(Bucket="neo", Key="gpu.tar.gz", Body=jobs.archive(net__onnx=conv_net().model))
        name = jobs.create(neo.sagemaker, "s3://neo/gpu.tar.gz", None, "s3://neo/gpu", TargetDevice="ml_g4dn")
        job = jobs.wait(neo.sagemaker, name, seconds=300)
    finally:
        compose("up", "--detach", "--wait", "--no-build", "--scale", "worker=3")
        compose("rm", "--stop", "--force", "--volumes", "worker-gpu")
    assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
    with tarfile.open(download(neo, job, tmp_path)) as tar:
        tar.extractall(tmp_path, filter="data")
    cubins = [elf.find_cubin(path.read_bytes()) for path in tmp_path.glob("*.so")]
    assert [elf.header(cubin).sm for cubin in cubins if cubin] == [75]


def download(neo: Endpoint, job: dict[str, Any], folder: Path) -> Path:
    (folder / "artifact.tar.gz").write_bytes(neo.download(job["CompilationJobName"]))
    return folder / "artifact.tar.gz"


def test_flower_shows_the_workers(compose: Compose, neo: Endpoint) -> None:
    compose("--profile", "flower", "up", "--detach", "--build", "--wait", "--no-deps", "flower")
    hosts = {container[:12] for container in compose("ps", "--quiet", "worker").split()}
    until(lambda: flower_hosts() == hosts, what=lambda: (flower_hosts(), hosts))


def flower_hosts() -> set[str]:
    """The hosts of the workers on Flower's page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{FLOWER_PORT}/workers", timeout=60) as page:
        return set(re.findall(r"neo-\d+@([0-9a-f]{12})", page.read().decode()))


def test_state_survives_a_restart_of_everything(compose: Compose, neo: Endpoint) -> None:
    before = dict.fromkeys(jobs.keys(neo.s3, "neo"))
    names = {job["name"] for job in neo.control("jobs.json")["jobs"]}
    compose("kill", "emulator", "redis")
    compose("up", "--detach", "--wait", "--no-build", "--scale", "worker=3")
    assert dict.fromkeys(jobs.keys(neo.s3, "neo")) == before
    assert {job["name"] for job in neo.control("jobs.json")["jobs"]} == names


def test_the_image_alone_is_an_emulator(compose: Compose, neo: Endpoint) -> None:
    words = ("--detach", "--rm", "--network", f"{PROJECT}_default", "--publish", f"127.0.0.1:{ALONE_PORT}:4577")
    container = docker("run", *words, "neo-emulator").strip()
    try:
        alone = Endpoint(f"http://127.0.0.1:{ALONE_PORT}")
        until(lambda: is_ready(alone), what=lambda: docker("logs", container))
        alone.s3.create_bucket(Bucket="neo")
        alone.s3.put_object(Bucket="neo", Key="net.tar.gz", Body=jobs.archive(net__onnx=conv_net().model))
        for device in ("ml_c5", "coreml"):
            name = jobs.create(alone.sagemaker, "s3://neo/net.tar.gz", None, TargetDevice=device)
            job = jobs.wait(alone.sagemaker, name, seconds=300)
            assert job["CompilationJobStatus"] == "COMPLETED", job.get("FailureReason")
    finally:
        docker("stop", container)


def is_ready(neo: Endpoint) -> bool:
    try:
        return bool(neo.control("ready")["ready"])
    except (OSError, ValueError):  # it does not listen yet, or says 503
        return False


def test_containers_may_do_little(compose: Compose, neo: Endpoint) -> None:
    for service in HARDENED:
        (shown, *_) = json.loads(docker("inspect", compose("ps", "--quiet", service).split()[0]))
        host = shown["HostConfig"]
        assert shown["Config"]["User"] == "neo"
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["Memory"] > 0
        assert host["PidsLimit"] > 0
    compose(
        "exec", "worker", "sh", "-c", "id -u | grep -qx 10001 && ! touch /opt/neo/x 2>/dev/null && cd /work && touch x"
    )
