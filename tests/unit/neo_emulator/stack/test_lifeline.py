"""The guard on real processes: nothing it runs outlives its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import processes
from support.waiting import GENEROUS_SECONDS, stays

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


def test_exit_status_is_the_commands() -> None:
    with start("raise SystemExit(7)") as process:
        assert process.wait(GENEROUS_SECONDS) == 7
    with start("import os; os.kill(os.getpid(), 9)") as process:
        assert process.wait(GENEROUS_SECONDS) == 128 + 9


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
            processes.all_gone(pids[:1])
            os.kill(pids[1], signal.SIGKILL)  # a killed guard takes its command along, not what that started
            return
        if how == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        process.wait(GENEROUS_SECONDS)
        processes.all_gone(pids)
        assert folder.exists() is (how == "SIGTERM")  # a parent that lives may start the command again


def test_ctrl_c_is_left_to_the_parent() -> None:
    with start("import time; print('up', flush=True); time.sleep(60)") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        stays(lambda: process.poll() is None, 0.3)
        process.stdin.close()
        process.wait(GENEROUS_SECONDS)
