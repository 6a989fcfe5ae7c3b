"""Landlock: the kernel lets this process and its future children open only the files that rules name.

Linux 5.13 and newer; each version ("ABI") adds rights: 2 moves between folders, 3 truncate, 4 TCP, 5 ioctl on devices,
6 signals and abstract sockets, 9 Unix sockets, 10 UDP. seccomp.py refuses what an older version does not control.
Source: linux/landlock.h, landlock(7).
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same numbers on every architecture
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = (1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE, _IOCTL_DEV, _RESOLVE_UNIX = (1 << bit for bit in range(13, 17))
_FIRST = (1 << 13) - 1  # ABI 1's rights on files
_NEWER = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV, 9: _RESOLVE_UNIX}
_OF_FILES = (
    _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
)  # the only rights that a rule for a file may have

READ = _READ_FILE | _READ_DIR
RUN = READ | _EXECUTE
READ_WRITE = READ | _WRITE_FILE
WORK = READ_WRITE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER
"""Rights on the job's folder: all except making links, devices and sockets, and executing files."""

LEAST_ABI = 3
"""In older versions, any readable file can be truncated by opening it (O_TRUNC)."""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Rule:
    """Rights on a file, or on a folder with everything in it."""

    path: Path
    rights: int


def abi() -> int:
    """The kernel's version of Landlock; 0 if there is none, it is not enabled, or a container forbids it."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)))


def restrict(rules: Iterable[Rule]) -> None:
    """Applies `rules` to this thread, irrevocably; paths that do not exist are skipped. Needs no_new_privs.

    Raises OSError. Descriptors of the paths stay open: procfs creates a new inode for a file whose name has left the
    cache, and a rule applies to the inode.
    """
    version = abi()
    files = _FIRST | sum(bit for since, bit in _NEWER.items() if version >= since)
    network = (3 if version >= 4 else 0) | (12 if version >= 10 else 0)
    scopes = 3 if version >= 6 else 0  # abstract sockets, signals
    sizes = ((4, 8), (6, 16))
    size = next((size for below, size in sizes if version < below), 24)
    attributes = struct.pack("QQQ", files, network, scopes)[:size]
    ruleset = _call(_CREATE, attributes, ctypes.c_size_t(size), 0)
    for rule in rules:
        try:
            place = os.open(rule.path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        kind = -1 if stat.S_ISDIR(os.fstat(place).st_mode) else _OF_FILES
        _call(_ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rule.rights & files & kind, place), 0)
    _call(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _call(number: int, *args: object) -> int:
    result = int(_libc.syscall(number, *args))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock, system call {number}: {os.strerror(code)}")
    return result
