"""Real clients other than our own boto3, unchanged, against a live server with a real worker.

Each script in clients/ does what a user of that client does, and ends with "ok".
"""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.models import conv_net
from support import clients, jobs

from neo_compiler.frontends.onnx.reference import run_reference
from neo_emulator.testing.server_process import ServerProcess

ROLE = "arn:aws:iam::123456789012:role/neo"
Run = Callable[..., str]

pytestmark = pytest.mark.timeout(1200)  # the first run installs the clients


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "2") as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="neo")
        s3.put_object(Bucket="neo", Key="conv.tar.gz", Body=jobs.archive(model__onnx=conv_net().model))
        yield server


@pytest.fixture
def run(server: ServerProcess, tmp_path: Path) -> Run:
    """Runs a command that knows the server by AWS_ENDPOINT_URL alone; its output, or a failure's errors."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG") if name in os.environ}
    environment = kept | {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "HOME": str(tmp_path),
        "PYTHONWARNINGS": "ignore",
        "NODE_NO_WARNINGS": "1",
    }

    def call(*command: object, status: int = 0) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=240, env=environment, cwd=tmp_path)
        assert done.returncode == status, f"{' '.join(words)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stderr if status else done.stdout

    return call


@pytest.mark.parametrize("client", ["sagemaker", "sagemaker_core"])
def test_python_sdk(run: Run, client: str) -> None:
    assert run(clients.python_of(client), clients.HERE / f"use_{client}.py").endswith("ok\n")


def test_python_sdk_deploys_and_predicts(run: Run, tmp_path: Path) -> None:
    case = conv_net()
    (wanted,) = run_reference(case.model, case.inputs)
    numbers = tmp_path / "numbers.json"
    numbers.write_text(json.dumps({"data": case.inputs["data"].tolist(), "wanted": wanted.tolist()}), encoding="utf-8")
    script = clients.HERE / "use_sagemaker_endpoints.py"
    assert run(clients.python_of("sagemaker"), script, numbers).endswith("ok\n")


def test_javascript_sdk(run: Run) -> None:
    folder = clients.node_modules()
    script = folder / "use_js.mjs"  # imports are looked up from where the script lies
    shutil.copy(clients.HERE / script.name, script)
    assert run("node", script).endswith("ok\n")


def test_aws_cli(run: Run, server: ServerProcess, tmp_path: Path) -> None:
    python = clients.python_of("awscli")

    def aws(*words: str, status: int = 0) -> str:
        return run(python, "-m", "awscli", *words, status=status)

    def sagemaker(operation: str, *words: str) -> Any:
        return json.loads(aws("sagemaker", operation, *words) or "null")

    create = ["--compilation-job-name", "cli-good", "--role-arn", ROLE]
    create += ["--input-config", json.dumps({"S3Uri": "s3://neo/cli/m.tar.gz", "Framework": "ONNX"})]
    create += ["--output-config", "S3OutputLocation=s3://neo/cli,TargetDevice=ml_c5"]
    create += ["--stopping-condition", "MaxRuntimeInSeconds=300", "--tags", "Key=team,Value=cli"]
    aws("s3", "cp", "s3://neo/conv.tar.gz", "s3://neo/cli/m.tar.gz")
    arn = sagemaker("create-compilation-job", *create)["CompilationJobArn"]
    job = jobs.wait(server.client("sagemaker"), "cli-good")
    assert job["CompilationJobStatus"] == "COMPLETED"
    described = sagemaker("describe-compilation-job", "--compilation-job-name", "cli-good")
    assert described["ModelArtifacts"] == {"S3ModelArtifacts": "s3://neo/cli/m-ml_c5.tar.gz"}
    aws("s3", "cp", described["ModelArtifacts"]["S3ModelArtifacts"], str(tmp_path / "m.tar.gz"))
    assert (tmp_path / "m.tar.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert sagemaker("list-tags", "--resource-arn", arn)["Tags"] == [{"Key": "team", "Value": "cli"}]
    assert "cli-good" in aws("logs", "describe-log-streams", "--log-group-name", "/aws/sagemaker/CompilationJobs")
    listed = sagemaker("list-compilation-jobs", "--name-contains", "cli", "--max-items", "1")
    assert [row["CompilationJobName"] for row in listed["CompilationJobSummaries"]] == ["cli-good"]
    assert "(ResourceInUse)" in aws("sagemaker", "create-compilation-job", *create, status=255)
    stopped = aws("sagemaker", "stop-compilation-job", "--compilation-job-name", "cli-good", status=255)
    assert "(ValidationException)" in stopped
    aws("sagemaker", "delete-compilation-job", "--compilation-job-name", "cli-good")
    gone = aws("sagemaker", "describe-compilation-job", "--compilation-job-name", "cli-good", status=255)
    assert "(ResourceNotFound)" in gone


def test_cloud_custodian(run: Run, server: ServerProcess, tmp_path: Path) -> None:
    python = clients.python_of("c7n")
    sagemaker = server.client("sagemaker")
    ended, held = "c7n-ended", "c7n-held"
    for name, seconds in ((ended, 0), (held, 60)):
        _pace(server, seconds)
        sagemaker.create_compilation_job(
            CompilationJobName=name,
            RoleArn=ROLE,
            InputConfig={"S3Uri": "s3://neo/conv.tar.gz", "Framework": "ONNX"},
            OutputConfig={"S3OutputLocation": "s3://neo/c7n", "TargetDevice": "ml_c5"},
            StoppingCondition={"MaxRuntimeInSeconds": 300},
            Tags=[{"Key": "team", "Value": "c7n"}],
        )
        jobs.wait(sagemaker, name, "COMPLETED" if name == ended else "INPROGRESS")
    found = {}
    for policy in ("query", "tag", "tagged", "stop"):
        words = ("run", "--region", "us-east-1", "--cache-period", "0", "--output-dir", tmp_path / "out")
        run(python, "-m", "c7n.cli", *words, "--policies", policy, clients.HERE / "c7n.yml")
        rows = json.loads((tmp_path / "out" / policy / "resources.json").read_text())
        found[policy] = {row["CompilationJobName"] for row in rows if row["CompilationJobName"].startswith("c7n")}
    _pace(server, 0)
    assert found == {"query": {held}, "tag": {ended}, "tagged": {ended}, "stop": {held}}
    assert jobs.wait(sagemaker, held)["CompilationJobStatus"] == "STOPPED"
    arn = sagemaker.describe_compilation_job(CompilationJobName=ended)["CompilationJobArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "owner", "Value": "custodian"}]


def _pace(server: ServerProcess, min_run_seconds: float) -> None:
    body = json.dumps({"min_run_seconds": min_run_seconds}).encode()
    urllib.request.urlopen(f"{server.url}/_neo/pace", body, timeout=60).close()
