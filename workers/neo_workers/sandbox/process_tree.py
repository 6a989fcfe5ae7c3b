"""The descendants of a process, whatever process group or session they moved to.

Linux only: read from /proc; elsewhere the lists are empty. A process that called `become_subreaper` becomes the
parent of its orphaned descendants, so none escapes by a double fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # Source: linux/prctl.h
_PAGE_BYTES, _TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
_ROUNDS = 20


@dataclass(frozen=True)
class Process:
    """A process as listed in /proc."""

    parent: int
    threads: int
    cpu_seconds: float
    resident_bytes: int  # including shared pages


@dataclass(frozen=True)
class Usage:
    """Resources used by a process and its descendants together."""

    processes: int
    cpu_seconds: float  # of living processes
    resident_bytes: int


def become_subreaper() -> None:
    """Makes this process the parent of its orphaned descendants (PR_SET_CHILD_SUBREAPER)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Lets the kernel kill this process when its parent ends (PR_SET_PDEATHSIG)."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def table() -> dict[int, Process]:
    """All living processes by PID, without zombies."""
    rows: dict[int, Process] = {}
    with contextlib.suppress(OSError):
        for entry in os.scandir("/proc"):
            if entry.name.isdigit() and (row := _row(entry.path)):
                rows[int(entry.name)] = row
    return rows


def _row(folder: str) -> Process | None:
    try:
        with open(f"{folder}/stat", "rb") as file:  # noqa: PTH123 - read for every process several times a second
            fields = file.read().rsplit(b")", 1)[1].split()
        if fields[0] in (b"Z", b"X"):
            return None
        ticks = int(fields[11]) + int(fields[12])
        return Process(int(fields[1]), int(fields[17]), ticks / _TICKS, int(fields[21]) * _PAGE_BYTES)
    except (OSError, IndexError, ValueError):  # it has just ended
        return None


def descendants(pid: int, rows: dict[int, Process] | None = None) -> list[int]:
    """The PIDs of all descendants of `pid`."""
    children: dict[int, list[int]] = {}
    for each, row in (table() if rows is None else rows).items():
        children.setdefault(row.parent, []).append(each)
    found, todo = [], [pid]
    while todo:
        mine = children.get(todo.pop(), [])
        found += mine
        todo += mine
    return found


class _Shared:
    """The processes as listed last, for all threads: reading /proc takes 30 us for each process of the host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[int, Process] = {}
        self._read_at = float("-inf")

    def rows(self, max_age_seconds: float) -> dict[int, Process]:
        """All living processes, as they were at most so long ago."""
        with self._lock:
            if time.monotonic() - self._read_at > max_age_seconds:
                self._rows = table()
                self._read_at = time.monotonic()
            return self._rows


_shared = _Shared()


def usage(pid: int, max_age_seconds: float = 0.0) -> Usage:
    """Resources used by `pid` and its descendants, as measured at most `max_age_seconds` ago for any process."""
    rows = _shared.rows(max_age_seconds)
    processes = [rows[each] for each in (pid, *descendants(pid, rows)) if each in rows]
    return Usage(
        len(processes), sum(row.cpu_seconds for row in processes), sum(row.resident_bytes for row in processes)
    )


def own_bytes(pid: int) -> int:
    """Proportional set size (PSS) of `pid` and its descendants, in bytes. Slow: 1 ms per GB."""
    return sum(_proportional(each) for each in (pid, *descendants(pid)))


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def kill_descendants(pid: int, spare: int = 0) -> None:
    """Kills all descendants of `pid` except `spare`. They are stopped first, because a stopped process cannot fork."""
    for _ in range(_ROUNDS):
        found: set[int] = set()
        while new := set(descendants(pid)) - found - {spare}:
            _signal(new, signal.SIGSTOP)
            found |= new
        if not found:
            return
        _signal(found, signal.SIGKILL)


def reap_descendants() -> None:
    """Kills and reaps all descendants of this process."""
    kill_descendants(os.getpid())
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
