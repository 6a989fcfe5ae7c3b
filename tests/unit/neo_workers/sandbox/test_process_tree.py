"""On real processes: who is below whom, and that nobody gets away."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support import processes

from neo_workers.sandbox import process_tree

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

DAEMON = """
import os, sys, time
{before}
if os.fork() == 0:  # a child that outlives its parent, in a session of its own
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)
    os._exit(0)
print("up", flush=True)
time.sleep(60)
"""


def start(code: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def leaders_below(pid: int) -> list[int]:
    """Processes below `pid` that lead a session of their own."""
    with suppress(ProcessLookupError):
        return [below for below in process_tree.below(pid) if os.getsid(below) == below]
    return []


ADOPT = "from neo_workers.sandbox import process_tree; process_tree.adopt()"


def test_a_daemon_stays_below_who_adopts_it_and_dies_with_the_rest() -> None:
    with start(DAEMON.format(before=ADOPT)) as process:
        deadline = time.monotonic() + 5
        while len(found := leaders_below(process.pid)) != 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(found) == 1
        assert process_tree.below(process.pid) == found
        process_tree.kill_below(process.pid)
        assert processes.still_there(found, 2) == []
        assert process.poll() is None
        process.kill()


FORKS = """
import os, time
from neo_workers.sandbox import process_tree
process_tree.adopt()
print("up", flush=True)
for _ in range(5):  # 32 processes, and each of them goes on forking, for 5 seconds at most
    os.fork()
end = time.monotonic() + 5
while time.monotonic() < end:
    if os.fork() == 0:
        os._exit(0)
    os.wait()
"""


def test_forking_processes_end_too() -> None:
    with start(FORKS) as process:
        deadline = time.monotonic() + 5
        while process_tree.usage(process.pid).processes < 30 and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGSTOP)
        process_tree.kill_below(process.pid)
        assert processes.still_there(process_tree.below(process.pid), 2) == []
        process.kill()


def test_usage_counts_the_family() -> None:
    code = "import time; print('up', flush=True); x = bytearray(64 << 20)\nwhile True: pass"
    with start(code) as process:
        deadline = time.monotonic() + 10
        while (used := process_tree.usage(process.pid)).cpu_seconds < 0.2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert used.processes == 1
        assert used.resident_bytes > 64 << 20
        assert 64 << 20 < process_tree.own_bytes(process.pid) < used.resident_bytes + (1 << 20)
        process.kill()
    assert process_tree.usage(process.pid).processes == 0
