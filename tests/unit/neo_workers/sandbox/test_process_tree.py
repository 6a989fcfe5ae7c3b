"""On real processes: who is below whom, and that nobody gets away."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import processes
from support.waiting import until

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


BECOME_SUBREAPER = "from neo_workers.sandbox import process_tree; process_tree.become_subreaper()"


def test_a_daemon_stays_below_who_adopts_it_and_dies_with_the_rest() -> None:
    with start(DAEMON.format(before=BECOME_SUBREAPER)) as process:
        found = until(lambda: [pid for pid in process_tree.descendants(process.pid) if processes.leads(pid)])
        assert len(found) == 1
        until(lambda: process_tree.descendants(process.pid) == found)  # who forked it has ended
        process_tree.kill_descendants(process.pid)
        processes.all_gone(found)
        assert process.poll() is None
        process.kill()


FORKS = """
import os, time
from neo_workers.sandbox import process_tree
process_tree.become_subreaper()
print("up", flush=True)
for _ in range(5):  # 32 processes, and each of them goes on forking, for a minute at most
    os.fork()
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork() == 0:
        os._exit(0)
    os.wait()
"""


def test_forking_processes_end_too() -> None:
    with start(FORKS) as process:
        until(lambda: process_tree.usage(process.pid).processes >= 30)
        os.kill(process.pid, signal.SIGSTOP)
        process_tree.kill_descendants(process.pid)
        processes.all_gone(process_tree.descendants(process.pid))
        process.kill()


def test_usage_counts_the_family() -> None:
    code = "import time; print('up', flush=True); x = bytearray(64 << 20)\nwhile True: pass"
    with start(code) as process:
        until(lambda: process_tree.usage(process.pid).cpu_seconds >= 0.2)
        used = process_tree.usage(process.pid)
        assert used.processes == 1
        assert used.resident_bytes > 64 << 20
        assert 64 << 20 < process_tree.own_bytes(process.pid) < used.resident_bytes + (1 << 20)
        process.kill()
    assert process_tree.usage(process.pid).processes == 0


def test_jobs_that_beat_together_share_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    scans: list[int] = []
    read = process_tree.table
    monkeypatch.setattr(process_tree, "table", lambda: scans.append(1) or read())
    process_tree.usage(os.getpid())
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: process_tree.usage(os.getpid(), 60.0), range(32)))
    assert len(scans) == 1
    assert all(each.processes >= 1 for each in found)
    assert process_tree.usage(os.getpid(), 0.0).processes >= 1
    assert len(scans) == 2  # nothing older than now was asked for
