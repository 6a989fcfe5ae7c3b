"""Escapes from the sandbox, tried by the compiler itself: each is refused, and nothing outside has changed."""

import glob
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from chaos import invariants
from chaos.escapes import MARK
from chaos.stack import Stack
from e2e.compiling import tar_gz
from support import jobs
from support.sandboxed import NEEDS_SANDBOX

pytestmark = NEEDS_SANDBOX

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "one-93f1-secret",
    "NEO_EMULATOR_ACCESS_KEYS": "id:two-77ab-secret",
    "X": "third-0c4e",
}
LIBRARY = """
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
int reach(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int end = socket(AF_INET, SOCK_STREAM, 0);
  if (end < 0) return -errno;
  return connect(end, (struct sockaddr *)&to, sizeof to) ? -errno : end;
}
int look(const char *path) { int file = open(path, O_RDONLY); return file < 0 ? -errno : file; }
"""
CONSTRUCTOR = """
#include <stdio.h>
__attribute__((constructor)) static void begin(void) {{ FILE *file = fopen("{path}", "w"); if (file) fclose(file); }}
"""


def built(folder: Path, source: str, *options: str) -> Path:
    made = folder / "made"
    done = subprocess.run(["gcc", *options, "-xc", "-", "-o", made], input=source, text=True, capture_output=True)
    if done.returncode:
        pytest.skip(f"gcc: {done.stderr[-200:]}")
    return made


class Prison:
    """A stack with one worker whose environment has secrets, and what lies around a job there."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        self.neighbour, self.home, self.cache = (folder / name for name in ("neighbour", "home", "cache"))
        for path in (self.neighbour / "model.tar.gz", self.home / ".aws/credentials", self.cache / "secret"):
            path.parent.mkdir(parents=True)
            path.write_text("untouched", encoding="utf-8")

    def facts(self, **more: object) -> dict[str, Any]:
        """What an attacker may know."""
        library = built(self.folder, LIBRARY, "-shared", "-fPIC").read_bytes().hex()
        tool = built(self.folder, "int main(void) { return 0; }", "-static").read_bytes().hex()
        return {
            "neighbour": str(self.neighbour),
            "home": str(self.home),
            "cache": str(self.cache),
            "worker": self.stack.workers[0].pid,
            "tcp": self.stack.port,
            "unix": str(self.stack.socket),
            "abstract": f"neo-{self.stack.mark}",
            "loader": next(iter(glob.glob("/lib*/ld-linux*")), "/lib/ld.so"),  # noqa: PTH207
            "library": library,
            "tool": tool,
            "secrets": [value[::-1] for value in SECRETS.values()],
            **more,
        }

    def run(self, action: str, files: dict[str, bytes], status: str = "FAILED") -> tuple[dict[str, Any], list[str]]:
        """The job's description and its log."""
        s3, sagemaker = self.stack.client("s3"), self.stack.client("sagemaker")
        s3.put_object(Bucket=invariants.BUCKET, Key=f"{action}.tar.gz", Body=tar_gz(files))
        name = invariants.create(self.stack, action)
        job = jobs.wait(sagemaker, name)
        log = jobs.log(self.stack.client("logs"), name)
        tried = [line for line in log if MARK in line]
        assert job["CompilationJobStatus"] == status, (job.get("FailureReason"), tried[-3:], log[-9:])
        return job, log

    def told(self, log: list[str], kind: str) -> dict[str, str]:
        rows = (line.split("|", 3) for line in log if line.startswith(f"{MARK}{kind}|"))
        return {name: came for _, _, name, came in rows}

    def untouched(self) -> None:
        """Nothing around the job has changed, and the worker goes on."""
        for path in (self.neighbour, self.home, self.cache):
            found = sorted(each for each in path.rglob("*") if each.is_file())
            assert [each.read_text(encoding="utf-8") for each in found] == ["untouched"], found
        assert (self.neighbour / "model.tar.gz").stat().st_mtime > 1e9
        for place in ("/tmp/neo-escape", "/dev/shm/neo-escape", "/etc/neo-escape"):
            assert not Path(place).exists()
        assert self.stack.workers[0].alive
        self.run("tiny", {"model.onnx": invariants.tiny()}, "COMPLETED")


@pytest.fixture(scope="module")
def prison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prison]:
    folder = tmp_path_factory.mktemp("prison")
    (folder / "stack").mkdir()
    settings = {"sandbox": "required", "max_log_bytes": 1 << 22}
    stack = Stack(folder / "stack", workers=0, proxied=False, **settings)
    stack.add_worker("worker0", more={"AWS_ACCESS_KEY_ID": "id", **SECRETS})
    with stack, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0neo-{stack.mark}")
        listener.listen()
        threading.Thread(target=_answer, args=(listener,), daemon=True).start()
        invariants.prepare(stack)
        yield Prison(stack, folder)


def _answer(listener: socket.socket) -> None:
    held = []
    try:
        while True:
            held.append(listener.accept()[0])
            held[-1].sendall(b"hello")
    except OSError:
        for each in held:
            each.close()


def test_every_escape_is_refused(prison: Prison) -> None:
    files = {"facts.json": json.dumps(prison.facts()).encode(), "model.onnx": invariants.tiny()}
    _, log = prison.run("escape", files, "COMPLETED")
    came = prison.told(log, "try")
    assert len(came) >= 100, log
    assert {name: what for name, what in came.items() if not what.startswith("HELD")} == {}
    wanted = prison.told(log, "want")
    assert len(wanted) == 6
    assert {name: what for name, what in wanted.items() if not what.startswith("OPEN")} == {}
    prison.untouched()


@pytest.mark.parametrize(
    "attempt",
    ["read /etc/shadow", "write beside the work folder", "TCP to 127.0.0.1", "signal the worker", "run a shell"],
)
def test_a_job_that_tries_fails_and_says_what_was_refused(prison: Prison, attempt: str) -> None:
    facts = json.dumps(prison.facts(attempt=attempt)).encode()
    job, _ = prison.run("escape_once", {"facts.json": facts})
    assert "the compiler's sandbox refused that" in job["FailureReason"]
    assert str(prison.folder) not in job["FailureReason"]


def test_hostile_models_reach_nothing_without_our_checks(prison: Prison, tmp_path: Path) -> None:
    if find_spec("torch") is None:
        pytest.skip("without torch")
    outside, models = tmp_path / "outside", tmp_path / "models"
    outside.mkdir()
    models.mkdir()
    library = built(tmp_path, CONSTRUCTOR.format(path=outside / "inductor"), "-shared", "-fPIC")
    make = [sys.executable, "-W", "ignore", "-m", "support.hostile_models", models, outside, library]
    subprocess.run(make, check=True, capture_output=True, cwd=Path(__file__).parents[1])
    again = "from pathlib import Path; from support.hostile_models import load_unchecked; load_unchecked(Path({!r}))"
    free = [sys.executable, "-W", "ignore", "-c", again.format(str(models))]
    subprocess.run(free, check=True, capture_output=True, cwd=Path(__file__).parents[1])
    expected = {"torchscript", "inductor", "expression"} | ({"savedmodel"} if find_spec("tensorflow") else set())
    assert {each.name for each in outside.iterdir()} == expected  # they do it where nothing holds them
    for each in outside.iterdir():
        each.unlink()
    files = {str(path.relative_to(models)): path.read_bytes() for path in models.rglob("*") if path.is_file()}
    _, log = prison.run("unchecked", files)
    assert set(prison.told(log, "model")) == {path.name for path in models.iterdir()}, log
    assert list(outside.iterdir()) == []
    prison.untouched()
