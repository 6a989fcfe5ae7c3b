"""`neo-emulator compile`, and `jobs` and `logs` against a running emulator."""

import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from e2e.compiling import truth
from e2e.models import conv_net
from support import jobs
from support.waiting import until

from neo_compiler.runtime.execute import load_artifact
from neo_emulator.cli import main
from neo_emulator.testing.endpoint import Endpoint
from neo_emulator.testing.server_process import ServerProcess

PLATFORM = ["--target", "LINUX/X86_64"]  # any x86-64 CPU runs it


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "net.onnx").write_bytes(conv_net().model)
    return tmp_path / "net.onnx"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--workers", "1") as server:
        yield server


def said(capsys: pytest.CaptureFixture[str], *argv: str, status: int = 0) -> Any:
    assert main.main([*argv, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_file_is_compiled_with_no_server(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = said(capsys, "compile", str(model), *PLATFORM, "-o", str(tmp_path / "out"))
    assert (done["status"], done["framework"]) == ("COMPLETED", "ONNX")
    names = [phase["name"] for phase in done["phases"]]
    assert names[0] == "fetch" and {"compile", "link"} < set(names) and names[-1] == "upload"
    artifact = tmp_path / "out" / "net-LINUX_X86_64.tar.gz"
    assert done["artifact"] == str(artifact)
    case = conv_net()
    (got,) = load_artifact(artifact).run(case.inputs).values()
    (expected,) = truth(case).values()
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_an_archive_and_a_folder_give_the_same(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digests = set()
    with tarfile.open(tmp_path / "net.tar.gz", "w:gz") as tar:
        tar.add(model, "net.onnx")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "net.onnx").write_bytes(model.read_bytes())
    for source in ("net.tar.gz", "net"):
        target = tmp_path / "made" / f"{source}.out.tar.gz"
        done = said(capsys, "compile", str(tmp_path / source), *PLATFORM, "-o", str(target), "-i", "data=1,3,32,32")
        assert target.is_file()
        digests.add(done["digest"])
    assert len(digests) == 1


def test_why_it_does_not_compile_is_said(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "compile", str(model), "-i", "nothing=1", status=1)["status"] == "FAILED"
    (tmp_path / "file").write_text("x")
    for argv, words in (
        (["compile", str(tmp_path / "nowhere.onnx")], "nowhere.onnx does not exist"),
        (["compile", str(tmp_path / "file")], "pass --framework"),
        (["compile", str(model), "--target", "toaster"], "toaster does not exist"),
        (["compile", str(model), *PLATFORM, "-o", str(tmp_path / "file" / "x")], "OutputConfiguration"),
    ):
        assert main.main(argv) == 1
        assert words in capsys.readouterr().err


def test_jobs_and_logs(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    assert main.main(["jobs"]) == 0
    assert capsys.readouterr().out == "no jobs\n"
    bucket = server.bucket()
    server.s3.put_object(Bucket=bucket, Key="net.tar.gz", Body=jobs.archive(net__onnx=conv_net().model))
    good = jobs.create(server.sagemaker, f"s3://{bucket}/net.tar.gz", None, f"s3://{bucket}/out")
    assert main.main(["logs", "-f", good]) == 0  # waits for the end
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "attempt 1"
    assert "step: compile" in lines
    assert lines[-1] == "COMPLETED"
    bad = jobs.create(server.sagemaker, f"s3://{bucket}/none.tar.gz", None, f"s3://{bucket}/out")
    jobs.wait(server.sagemaker, bad)
    rows = {row["name"]: row for row in said(capsys, "jobs")}
    assert (rows[good]["status"], rows[bad]["status"]) == ("COMPLETED", "FAILED")
    assert [row["name"] for row in said(capsys, "jobs", "--status", "failed")] == [bad]
    job = said(capsys, "jobs", good)
    assert [phase["name"] for phase in job["phases"]][:3] == ["start", "fetch", "unpack"]
    assert job["description"]["CompilationJobStatus"] == "COMPLETED"
    assert main.main(["jobs", bad]) == 0
    assert "S3 object does not exist" in capsys.readouterr().out
    for argv, words in (
        (["logs", "nobody"], "no compilation job"),
        (["jobs", "--status", "odd"], "status must be one of"),
    ):
        assert main.main(argv) == 1
        assert words in capsys.readouterr().err


def test_standard_output_of_serve_is_what_it_says_of_itself() -> None:
    command = [sys.executable, "-m", "neo_emulator", "serve", "--port", "0", "--workers", "1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as serve:
        assert serve.stdout is not None
        neo = Endpoint(json.loads(serve.stdout.readline())["url"])
        until(lambda: has_worker(neo))
        serve.send_signal(signal.SIGINT)
        assert serve.stdout.read() == ""  # not even how the worker ends
    assert serve.returncode == 0


def has_worker(neo: Endpoint) -> bool:
    try:
        return bool(neo.control("ready")["workers"])
    except ValueError:  # not ready yet
        return False
