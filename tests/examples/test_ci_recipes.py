"""The CI files under examples/: their own commands, in their order, in a repository like the one they are for."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.models import conv_net

EXAMPLES = Path(__file__).parents[2] / "examples"
PORT = "4577"


class Runner:
    """Runs shell commands in one folder, as a CI does; what they leave running ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AWS_"))}
        bin_dir = str(Path(sys.executable).parent)
        self.variables = kept | {"PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}", "PIP_NO_INDEX": "1"}
        self.groups: list[int] = []

    def run(self, shell: str, script: str) -> str:
        log = self.folder / "step.log"
        with log.open("w+") as output:  # a file: a background process keeps a pipe open
            process = subprocess.Popen(
                [shell, "-e", "-c", script],
                cwd=self.folder,
                env=self.variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.groups.append(process.pid)
            status = process.wait(280)
        text = log.read_text()
        assert status == 0, f"{script}\n{text[-3000:]}"
        return text

    def end(self) -> None:
        for group in self.groups:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                continue


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Runner]:
    """A user's repository: the pytest project, the boto3 script and a model."""
    folder = tmp_path / "repository"
    shutil.copytree(EXAMPLES / "pytest-project", folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    shutil.copy(EXAMPLES / "boto3" / "compile.py", folder)
    (folder / "model.onnx").write_bytes(conv_net().model)
    runner = Runner(folder)
    yield runner
    runner.end()


def read(*path: str) -> Any:
    """A CI file, its port replaced by a free one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = EXAMPLES.joinpath(*path).read_text(encoding="utf-8")
    assert PORT in text
    return yaml.safe_load(text.replace(PORT, str(port)))


def test_github_actions(repository: Runner) -> None:
    steps = read("github-actions", "compile.yml")["jobs"]["compile"]["steps"]
    shared = repository.folder / "github.env"
    shared.touch()
    repository.variables["GITHUB_ENV"] = str(shared)
    said = ""
    for step in steps:
        if "run" in step and "failure()" not in step.get("if", ""):
            said += repository.run("bash", step["run"])
            repository.variables |= dict(line.split("=", 1) for line in shared.read_text().splitlines())
    assert "6 passed" in said
    assert "target     ml_c5" in said


def test_gitlab(repository: Runner) -> None:
    recipe = read("gitlab", ".gitlab-ci.yml")
    said = "".join(repository.run("sh", "\n".join(recipe[job]["script"])) for job in ("compile",))
    assert "target     ml_c5" in said
    assert recipe["pipeline-tests"]["script"] == ["pip install neo-emulator pytest pytest-xdist", "pytest -n auto"]
