"""What one compile may use. The kernel holds the limits of a single process, the supervisor those of all together."""

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
"""How much of the worker's memory one compile may use where no setting says."""

_DISK_PAUSE = 20.0
"""The work folder is measured again after that many times as long as measuring took, and never within a second."""


def memory_bytes(settings: Settings) -> int:
    """The most memory that one compile may use."""
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
    """Sets this process's own limits, which those that it starts inherit."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_CPU, settings.max_cpu_seconds)
    _lower(resource.RLIMIT_FSIZE, settings.max_file_bytes)
    _lower(resource.RLIMIT_NOFILE, settings.max_open_files)
    # the supervisor sees what is used only now and then; this refuses what is far too much at once
    _lower(resource.RLIMIT_DATA, 2 * memory_bytes(settings))


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


@dataclass(frozen=True)
class Breach:
    """A limit that was passed."""

    setting: str
    text: str

    def __str__(self) -> str:
        return f"{self.text}; {PREFIX}{self.setting.upper()} on the worker raises the limit"


class Watch:
    """Looks at what a compile uses, all of its processes together."""

    def __init__(self, settings: Settings, work_dir: Path) -> None:
        self._settings, self._work_dir = settings, work_dir
        self._memory_bytes = memory_bytes(settings)
        self._measure_at = time.monotonic() + 1.0

    def breach(self, pid: int) -> Breach | None:
        """The limit that the processes from `pid` down have passed, None when there is none."""
        settings, used = self._settings, process_tree.usage(pid)
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
    """Bytes on disk of all files in `folder`; what vanishes meanwhile is left out."""
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
    """What a compiler that the kernel ended may have run into."""
    names = {-9: "max_memory_bytes", -24: "max_cpu_seconds", -25: "max_file_bytes"}  # SIGKILL, SIGXCPU, SIGXFSZ
    texts = {
        -9: "; the machine may have run out of memory",
        -24: "; it used too much CPU time",
        -25: "; it wrote too large a file",
    }
    if exit_code not in names:
        return ""
    return f"{texts[exit_code]} ({PREFIX}{names[exit_code].upper()} is the worker's limit)"
