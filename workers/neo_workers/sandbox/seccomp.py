"""seccomp: the kernel refuses system calls of this process and its future children.

It covers what Landlock has no rules for: sockets, other processes, namespaces, keys, owners and times of files.
syscalls.py has the table; some calls are refused depending on an argument.
Source: linux/seccomp.h, linux/filter.h, linux/audit.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from functools import lru_cache

from neo_workers.sandbox import syscalls
from neo_workers.sandbox.syscalls import Call

_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06  # of classic BPF
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_SET_FILTER, _TSYNC, _ACTION_AVAILABLE = 1, 1, 2
_NEW_NAMESPACE = 0x7E020000  # every CLONE_NEW* flag
_PR_SET_PDEATHSIG = 1
_IOCTLS = (0x5412, 0x541C, 0x8901, 0x8902)  # TIOCSTI, TIOCLINUX: input to terminals; FIOSETOWN, SIOCSPGRP: signals
_FCNTLS = (8, 15)  # F_SETOWN, F_SETOWN_EX: signals to any process, without kill()
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*

_libc = ctypes.CDLL(None, use_errno=True)


def available() -> bool:
    """Whether the kernel accepts filters and this architecture's call numbers are known."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    wanted = ctypes.c_uint32(_ERRNO)
    return int(_libc.syscall(number(syscalls.SECCOMP), _ACTION_AVAILABLE, 0, ctypes.byref(wanted))) == 0


def apply(landlock_abi: int) -> None:
    """Applies the filter to every thread, irrevocably. Needs no_new_privs; raises OSError.

    `landlock_abi` is the version in use, 0 for none: what it does not control is refused here.
    """
    text = ctypes.create_string_buffer(program(landlock_abi, 0 if landlock_abi >= 6 else os.getpid()))
    filter_ = struct.pack("HxxxxxxP", (len(text) - 1) // 8, ctypes.addressof(text))
    if int(_libc.syscall(number(syscalls.SECCOMP), _SET_FILTER, _TSYNC, filter_)):
        code = ctypes.get_errno()
        raise OSError(code, f"seccomp: {os.strerror(code)}")


def number(call: Call) -> int | None:
    """The call's number on this machine, None if it has no such call. Raises KeyError for an unknown machine."""
    return {"x86_64": call.x86_64, "aarch64": call.aarch64}[platform.machine()]


@lru_cache
def program(landlock_abi: int, pid: int = 0) -> bytes:
    """The filter. If Landlock does not control signals (before 6), those to other processes than `pid` are refused."""
    code = _Program()
    code.add(_LOAD, 4)  # the architecture
    code.add(_EQUAL, _ARCHITECTURES[platform.machine()], 1, 0)
    code.add(_RETURN, _KILL)
    code.load_number()
    code.add(_GREATER, syscalls.NEWEST, 0, 1)  # and every call of x32
    code.add(_RETURN, _ERRNO | errno.ENOSYS)
    code.refuse_where(syscalls.CLONE, 0, _ANY_BIT, _NEW_NAMESPACE)
    code.refuse_unless(syscalls.PRLIMIT, 0, 0)  # limits of other processes
    code.refuse_unless(syscalls.SET_AFFINITY, 0, 0)
    code.refuse_where(syscalls.PRCTL, 0, _EQUAL, _PR_SET_PDEATHSIG)
    for request in _IOCTLS:
        code.refuse_where(syscalls.IOCTL, 1, _EQUAL, request)
    for command in _FCNTLS:
        code.refuse_where(syscalls.FCNTL, 1, _EQUAL, command)
    if landlock_abi < 3:
        code.always(syscalls.TRUNCATE, _ERRNO | errno.EPERM)
    if landlock_abi < 6:
        for call in syscalls.KILLS:
            code.refuse_unless(call, 0, pid)
        code.always(syscalls.TKILL, _ERRNO | errno.ENOSYS)
    told = ((syscalls.ABSENT, _ERRNO | errno.ENOSYS), (syscalls.REFUSED, _ERRNO | errno.EPERM))
    for table, answer in (*told, (syscalls.IGNORED, _ERRNO)):
        for call in table:
            code.always(call, answer)
    code.add(_RETURN, _ALLOW)
    return bytes(code)


class _Program:
    """Instructions of classic BPF; between its methods the accumulator holds the call's number."""

    def __init__(self) -> None:
        self._code: list[bytes] = []

    def __bytes__(self) -> bytes:
        return b"".join(self._code)

    def add(self, operation: int, value: int, if_true: int = 0, if_false: int = 0) -> None:
        self._code.append(struct.pack("HBBI", operation, if_true, if_false, value))

    def load_number(self) -> None:
        self.add(_LOAD, 0)

    def always(self, call: Call, answer: int) -> None:
        """Returns `answer` for this call, whatever its arguments."""
        wanted = number(call)
        if wanted is not None:
            self.add(_EQUAL, wanted, 0, 1)
            self.add(_RETURN, answer)

    def refuse_where(self, call: Call, index: int, test: int, value: int) -> None:
        """EPERM if the lower half of the argument passes the test."""
        self._refuse(call, index, test, value, (0, 1))

    def refuse_unless(self, call: Call, index: int, value: int) -> None:
        """EPERM unless the argument is `value`."""
        self._refuse(call, index, _EQUAL, value, (1, 0))

    def _refuse(self, call: Call, index: int, test: int, value: int, jumps: tuple[int, int]) -> None:
        wanted = number(call)
        assert wanted is not None
        self.add(_EQUAL, wanted, 0, 4)
        self.add(_LOAD, 16 + 8 * index)
        self.add(test, value, *jumps)
        self.add(_RETURN, _ERRNO | errno.EPERM)
        self.load_number()
