"""examples/pytest-project, run as its user runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from neo_emulator.testing.server_process import ServerProcess

PROJECT = Path(__file__).parents[2] / "examples" / "pytest-project"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The project's tests in a copy of it, without what this test run has set."""
    copy = folder / "project"
    if not copy.exists():
        shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "AWS_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=280)


def test_its_tests_pass_in_two_processes(tmp_path: Path) -> None:
    done = run(tmp_path, "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_its_tests_pass_on_a_shared_emulator(tmp_path: Path) -> None:
    with ServerProcess("--workers", "2") as server:
        server.bucket("someone-elses")
        done = run(tmp_path, "-n", "2", "--neo-url", server.url, "-k", "not slow and not stopped and not planned")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "4 passed" in done.stdout
        assert len(server.s3.list_buckets()["Buckets"]) == 1


def test_an_emulator_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run(tmp_path, "--neo-url", "http://127.0.0.1:9", "-k", "wrong_input")
    assert done.returncode != 0
    assert "no emulator responds at http://127.0.0.1:9" in done.stdout
