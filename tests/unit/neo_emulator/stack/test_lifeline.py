"""The guard on real processes: nothing it runs outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neo_emulator.stack import lifeline

FAMILY = """
import os, subprocess, sys, time, signal
{first}
grandchild = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(60)
"""


def start(code: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-S", "-E", lifeline.__file__, "0.3", *options, "--", sys.executable, "-S", "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def gone(pid: int, within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_exit_status_is_the_commands() -> None:
    with start("raise SystemExit(7)") as process:
        assert process.wait(10) == 7
    with start("import os; os.kill(os.getpid(), 9)") as process:
        assert process.wait(10) == 128 + 9


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
@pytest.mark.parametrize("first", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"], ids=["obedient", "stubborn"])
@pytest.mark.parametrize("how", ["parent closes the pipe", "SIGTERM", "SIGKILL"])
def test_the_whole_family_ends_with_the_parent(first: str, how: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with start(FAMILY.format(first=first), "--remove", str(folder)) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        if how == "SIGKILL":
            process.send_signal(signal.SIGKILL)
            assert gone(pids[0])
            os.kill(pids[1], signal.SIGKILL)  # a killed guard takes its command along, not what that started
            return
        if how == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        process.wait(10)
        assert all(gone(pid) for pid in pids)
        assert folder.exists() is (how == "SIGTERM")  # a parent that lives may start the command again


def test_ctrl_c_is_left_to_the_parent() -> None:
    with start("import time; print('up', flush=True); time.sleep(60)") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.stdin.close()
        process.wait(10)
