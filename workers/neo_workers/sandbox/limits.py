"""Resource limits of one compilation. The kernel enforces limits per process, the supervisor those per process tree."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from neo_workers.sandbox import process_tree
from neo_workers.settings import PREFIX, Settings

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
SHARE_OF_MEMORY = 0.75
"""Default share of the worker's memory that one compilation may use."""

_DISK_PAUSE = 20.0
"""The work folder is measured again after this many times as long as measuring took, at least one second."""


def memory_bytes(settings: Settings) -> int:
    """Maximum memory of one compilation, in bytes."""
    return settings.max_memory_bytes or int(_machine_bytes() * SHARE_OF_MEMORY)


def _machine_bytes() -> int:
    most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for name in CGROUP_LIMITS:
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            most = min(most, int(text))
    return most


def apply(settings: Settings) -> None:
    """Sets this process's resource limits, which its children inherit."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, settings.max_cpu_seconds)
    _lower(resource.RLIMIT_FSIZE, settings.max_file_bytes)
    _lower(resource.RLIMIT_NOFILE, settings.max_open_files)
    # the supervisor measures only periodically; this refuses single allocations that are far too large
    _lower(resource.RLIMIT_DATA, 2 * memory_bytes(settings))


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


@dataclass(frozen=True)
class Breach:
    """A limit that was exceeded."""

    setting: str
    text: str

    def __str__(self) -> str:
        return f"{self.text}; {PREFIX}{self.setting.upper()} on the worker raises the limit"


class Watch:
    """Measures what a compilation's processes use together."""

    def __init__(self, settings: Settings, work_dir: Path) -> None:
        self._settings, self._work_dir = settings, work_dir
        self._memory_bytes = memory_bytes(settings)
        self._measure_at = time.monotonic() + 1.0

    def breach(self, pid: int) -> Breach | None:
        """The limit that process `pid` and its descendants have exceeded, or None."""
        settings = self._settings
        used = process_tree.usage(pid, settings.beat_seconds)
        if used.processes > settings.max_processes:
            return Breach("max_processes", f"the compile started more than {settings.max_processes} processes")
        if used.cpu_seconds > settings.max_cpu_seconds:
            return Breach("max_cpu_seconds", f"the compile used more than {settings.max_cpu_seconds} s of CPU time")
        if used.resident_bytes > self._memory_bytes and process_tree.own_bytes(pid) > self._memory_bytes:
            return Breach("max_memory_bytes", f"the compile used more than {self._memory_bytes} bytes of memory")
        now = time.monotonic()
        if now < self._measure_at:
            return None
        size = folder_bytes(self._work_dir)
        self._measure_at = time.monotonic() + max(1.0, _DISK_PAUSE * (time.monotonic() - now))
        if size > settings.max_work_bytes:
            return Breach("max_work_bytes", f"the compile's work folder outgrew {settings.max_work_bytes} bytes")
        return None


def folder_bytes(folder: Path) -> int:
    """Disk space of all files in `folder`, in bytes; files that disappear meanwhile are skipped."""
    total, todo = 0, [str(folder)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total


def exit_hint(exit_code: int) -> str:
    """The limit that a compiler killed by the kernel has probably exceeded; "" for other exit codes."""
    names = {-9: "max_memory_bytes", -24: "max_cpu_seconds", -25: "max_file_bytes"}  # SIGKILL, SIGXCPU, SIGXFSZ
    texts = {
        -9: "; the machine may have run out of memory",
        -24: "; it used too much CPU time",
        -25: "; it wrote too large a file",
    }
    if exit_code not in names:
        return ""
    return f"{texts[exit_code]} ({PREFIX}{names[exit_code].upper()} is the worker's limit)"
