"""The filter's table against this machine's headers, and the filter itself read back."""

import platform
import re
import struct
from pathlib import Path

import pytest

from neo_workers.sandbox import seccomp, syscalls
from neo_workers.sandbox.syscalls import Call

TABLES = (syscalls.ABSENT, syscalls.REFUSED, syscalls.IGNORED, syscalls.KILLS)
SINGLE = (
    *(syscalls.CLONE, syscalls.PRLIMIT, syscalls.SET_AFFINITY, syscalls.PRCTL, syscalls.IOCTL, syscalls.FCNTL),
    *(syscalls.TRUNCATE, syscalls.TKILL, syscalls.SECCOMP),
)
CALLS: list[Call] = [*(call for table in TABLES for call in table), *SINGLE]
X86_64 = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")
GENERIC = ("/usr/include/asm-generic/unistd.h",)
DEFINE = re.compile(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", re.M)


def numbers(*headers: str) -> dict[str, int]:
    path = next((Path(name) for name in headers if Path(name).exists()), None)
    if path is None:
        pytest.skip(f"without {headers[0]} (linux-libc-dev)")
    return {name: int(number) for name, number in DEFINE.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize(
    ("machine", "headers", "least"), [("x86_64", X86_64, 100), ("aarch64", GENERIC, 85)], ids=["x86-64", "aarch64"]
)
def test_numbers_are_the_kernels(machine: str, headers: tuple[str, ...], least: int) -> None:
    known = numbers(*headers)
    table = {call.name: getattr(call, machine) for call in CALLS}
    compared = {name: number for name, number in table.items() if name in known}
    assert compared == {name: known[name] for name in compared}
    assert len(compared) >= least
    assert {name for name, number in table.items() if number is None and name in known} == set()


def test_no_call_has_two_answers() -> None:
    names = [call.name for table in TABLES for call in table]
    assert len(names) == len(set(names))
    for machine in ("x86_64", "aarch64"):
        found = [getattr(call, machine) for table in TABLES for call in table if getattr(call, machine) is not None]
        assert len(found) == len(set(found))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no numbers for this machine")
def test_every_jump_of_the_filter_stays_inside_it() -> None:
    for abi in (0, 3, 6, 7):
        text = seccomp.program(abi, 7)
        code = [struct.unpack("HBBI", text[start : start + 8]) for start in range(0, len(text), 8)]
        assert len(code) < 4096
        assert code[-1][0] == 0x06  # it ends with an answer
        for place, (operation, if_true, if_false, _) in enumerate(code):
            if operation & 0x07 == 0x05:
                assert place + 1 + max(if_true, if_false) < len(code)
