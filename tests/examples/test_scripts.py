"""The scripts under examples/, run as their users run them: the environment alone leads to the emulator."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.models import conv_net
from support import clients

from neo_compiler.artifact.bundle import read_meta
from neo_compiler.storage.archive import unpack
from neo_emulator.testing.server_process import ServerProcess

EXAMPLES = Path(__file__).parents[2] / "examples"
Run = Callable[..., str]

pytestmark = pytest.mark.timeout(1200)  # the first run installs the clients


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "1") as server:
        yield server


@pytest.fixture
def run(server: ServerProcess, tmp_path: Path) -> Run:
    """Runs a command in a folder with model.onnx; `tools` comes first on PATH."""
    (tmp_path / "model.onnx").write_bytes(conv_net().model)

    def call(*command: object, tools: Path | None = None) -> str:
        path = os.pathsep.join(filter(None, (str(tools) if tools else "", os.environ["PATH"])))
        environment = {"PATH": path, "HOME": str(tmp_path), "PYTHONWARNINGS": "ignore", "NODE_NO_WARNINGS": "1"}
        environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", **server.environment()}
        words = [str(word) for word in command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=280, env=environment, cwd=tmp_path)
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    return call


def check(artifact: Path, tmp_path: Path) -> None:
    """That it is the artifact of that model."""
    unpack(artifact, tmp_path / "unpacked", 1 << 30, 100)
    meta = read_meta(tmp_path / "unpacked")
    assert (meta.target["name"], [item.name for item in meta.inputs]) == ("ml_c5", ["data"])


def test_boto3(run: Run, tmp_path: Path) -> None:
    assert "compiled/model-ml_c5.tar.gz" in run(sys.executable, EXAMPLES / "boto3" / "compile.py", "model.onnx")
    check(tmp_path / "model-ml_c5.tar.gz", tmp_path)


def test_aws_cli(run: Run, tmp_path: Path) -> None:
    tools = clients.python_of("awscli").parent
    run("bash", EXAMPLES / "aws-cli" / "compile.sh", "model.onnx", tools=tools)
    check(tmp_path / "model-ml_c5.tar.gz", tmp_path)


def test_sagemaker_sdk(run: Run, tmp_path: Path) -> None:
    shape = '{"data": [1, 3, 32, 32]}'
    run(clients.python_of("sagemaker"), EXAMPLES / "sagemaker-sdk" / "compile.py", "model.onnx", shape)
    check(tmp_path / "model-ml_c5.tar.gz", tmp_path)


def test_javascript(run: Run, tmp_path: Path) -> None:
    folder = clients.node_modules()
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    shutil.copy(EXAMPLES / "javascript" / "compile.mjs", tmp_path)
    assert run("node", "compile.mjs", "model.onnx") == "model-ml_c5.tar.gz\n"
    check(tmp_path / "model-ml_c5.tar.gz", tmp_path)
