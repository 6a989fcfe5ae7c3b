"""Process trees, read from /proc."""

import time
from pathlib import Path


def _parents() -> dict[int, int]:
    """pid -> parent's pid of every process that is not a zombie."""
    table = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state != "Z":
            table[int(entry.name)] = int(parent)
    return table


def descendants(pid: int) -> list[int]:
    """The pids below `pid`, itself not included."""
    parents = _parents()
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        children = [child for child, its_parent in parents.items() if its_parent == parent]
        found += children
        todo += children
    return found


def command(pid: int) -> str:
    """The command line of `pid`, "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def still_there(pids: list[int], within_seconds: float) -> list[str]:
    """Command lines of those `pids` that are alive after at most `within_seconds`; [] as soon as all are gone."""
    deadline = time.monotonic() + within_seconds
    while True:
        alive = [pid for pid in pids if pid in _parents()]
        if not alive or time.monotonic() > deadline:
            return [f"{pid}: {command(pid)}" for pid in alive]
        time.sleep(0.02)
