"""A bound on how many tasks a compile has, held by the kernel: a fork bomb doubles faster than anyone can look.

root    a cgroup of the pids controller, where one may be made (in version 2: with the controller handed down)
others  RLIMIT_NPROC, which counts all tasks of the user and does not bind root
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
    """Tasks (threads count) that this many processes may have; the supervisor acts on the number of processes."""
    return 2 * max_processes + 64


def limit(most: int) -> None:
    """Bounds this process and all it will start to `most` tasks, unless it is root's."""
    if os.getuid() == 0:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    wanted = sum(row.threads for row in process_tree.table().values()) + most
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (value, value))


def confine(most: int, child: int) -> None:
    """Where this process is root's: bounds it, `child` and all that they will start to `most` tasks, if that can be."""
    if os.getuid() == 0:
        for base in _own_cgroups():
            if _enter(base / f"{_PREFIX}{os.getpid()}", most, child):
                return


def leave() -> None:
    """Puts this process back where it was, and removes the cgroup that it made. Everything else in it must be gone."""
    for base in _own_cgroups():
        if base.name.startswith(_PREFIX):
            with contextlib.suppress(OSError):
                (base.parent / "cgroup.procs").write_text(str(os.getpid()))
                base.rmdir()


def sweep(pid: int) -> None:
    """Removes the cgroup that the ended process `pid` has left, if it has."""
    for base in _own_cgroups():
        with contextlib.suppress(OSError):
            (base / f"{_PREFIX}{pid}").rmdir()


def sweep_all() -> None:
    """Removes what compiles have left that were killed together with their workers."""
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
    """Folders of the cgroups of this process that may have the pids controller."""
    found = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "pids":
                found.append(ROOT / "pids" / path.lstrip("/"))
            elif not controllers:
                found.append(ROOT / path.lstrip("/"))
    return [folder for folder in found if (folder / "cgroup.procs").exists()]
