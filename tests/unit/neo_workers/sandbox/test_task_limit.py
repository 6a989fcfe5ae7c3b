"""The kernel refuses a process too many. Whatever runs here forks at most 40 times."""

import os
import subprocess
import sys

import pytest

from neo_workers.sandbox import task_limit

FORK = """
import os, time
from neo_workers.sandbox import process_tree, task_limit
process_tree.become_subreaper()
{confine}
children = []
try:
    for _ in range(40):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        children.append(child)
except BlockingIOError:
    pass
process_tree.reap_descendants()
task_limit.leave()
print(len(children), len([folder for folder in task_limit._own_cgroups() if folder.name.startswith("neo-compile-")]))
"""


def fork(confine: str) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", FORK.format(confine=confine)], capture_output=True, text=True, timeout=60, check=True
    )
    forked, left = done.stdout.split()
    return int(forked), int(left)


@pytest.mark.skipif(os.getuid() != 0 or not task_limit._own_cgroups(), reason="needs root and cgroups")
def test_root_is_held_by_a_cgroup() -> None:
    forked, left = fork("task_limit.confine(20, os.getpid())")
    if forked == 40:
        pytest.skip("may not make cgroups here")
    assert (forked, left) == (19, 0)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody else")
def test_others_are_held_by_a_limit() -> None:
    # the machine's tasks do not count
    nobody_else = "os.setuid(61234); table = process_tree.table; process_tree.table = lambda: {}"
    forked, _ = fork(f"{nobody_else}; task_limit.limit(30); process_tree.table = table")
    assert 0 < forked <= 30


@pytest.mark.skipif(os.getuid() != 0 or not task_limit._own_cgroups(), reason="needs root and cgroups")
def test_only_what_dead_compiles_left_is_swept() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    folders = [task_limit._own_cgroups()[0] / f"neo-compile-{pid}" for pid in (dead.pid, os.getpid())]
    try:
        for folder in folders:
            folder.mkdir()
    except OSError:
        pytest.skip("may not make cgroups here")
    try:
        task_limit.sweep_all()
        assert [folder.exists() for folder in folders] == [False, True]
    finally:
        folders[1].rmdir()


def test_threads_count_and_leave_room() -> None:
    assert task_limit.most_tasks(256) > 256 + 64
