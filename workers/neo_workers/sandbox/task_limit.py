"""Limits the number of tasks of a compilation, enforced by the kernel: a fork bomb is too fast for polling.

root    a cgroup with the pids controller, if one can be created (cgroup v2: if the controller is delegated)
others  RLIMIT_NPROC, which counts all tasks of the user and does not apply to root
"""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

from neo_workers.sandbox import process_tree

ROOT = Path("/sys/fs/cgroup")
_PREFIX = "neo-compile-"


def most_tasks(max_processes: int) -> int:
    """Maximum number of tasks (threads included) for `max_processes`, which the supervisor enforces."""
    return 2 * max_processes + 64


def limit(most: int) -> None:
    """Limits this process and its future descendants to `most` tasks, unless it runs as root."""
    if os.getuid() == 0:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    wanted = sum(row.threads for row in process_tree.table().values()) + most
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (value, value))


def confine(most: int, child: int) -> None:
    """As root: limits this process, `child` and their future descendants to `most` tasks, if cgroups permit."""
    if os.getuid() == 0:
        for base in _own_cgroups():
            if _enter(base / f"{_PREFIX}{os.getpid()}", most, child):
                return


def leave() -> None:
    """Moves this process back to its former cgroup and removes the one it created, which must be empty then."""
    for base in _own_cgroups():
        if base.name.startswith(_PREFIX):
            with contextlib.suppress(OSError):
                (base.parent / "cgroup.procs").write_text(str(os.getpid()))
                base.rmdir()


def sweep(pid: int) -> None:
    """Removes the cgroup that the ended process `pid` created, if any."""
    for base in _own_cgroups():
        with contextlib.suppress(OSError):
            (base / f"{_PREFIX}{pid}").rmdir()


def sweep_all() -> None:
    """Removes cgroups of compilations that were killed together with their workers."""
    for base in _own_cgroups():
        for folder in base.glob(f"{_PREFIX}*"):
            if not Path("/proc", folder.name.removeprefix(_PREFIX)).exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _enter(folder: Path, most: int, child: int) -> bool:
    try:
        folder.mkdir()
    except OSError:
        return False
    try:
        (folder / "pids.max").write_text(str(most))
        for pid in (os.getpid(), child):
            (folder / "cgroup.procs").write_text(str(pid))
    except ProcessLookupError:
        return True  # the child has ended
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        return False
    return True


def _own_cgroups() -> list[Path]:
    """Folders of this process's cgroups that may have the pids controller."""
    found = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "pids":
                found.append(ROOT / "pids" / path.lstrip("/"))
            elif not controllers:
                found.append(ROOT / path.lstrip("/"))
    return [folder for folder in found if (folder / "cgroup.procs").exists()]
