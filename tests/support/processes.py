"""Process trees, read from /proc."""

import os
from pathlib import Path

from support.waiting import until


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


def leads(pid: int) -> bool:
    """Whether `pid` leads a session of its own, as compilers do."""
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def command(pid: int) -> str:
    """The command line of `pid`, "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def alive(pids: list[int]) -> list[str]:
    """Those `pids` that are alive, with their command lines."""
    parents = _parents()
    return [f"{pid}: {command(pid)}" for pid in pids if pid in parents]


def all_gone(pids: list[int]) -> None:
    """Returns as soon as none of `pids` is alive. Raises AssertionError when some stay."""
    until(lambda: not alive(pids), what=lambda: f"these are still there: {alive(pids)}")
