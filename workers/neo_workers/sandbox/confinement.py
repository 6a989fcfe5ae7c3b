"""The sandbox of the compile child: code in a model, if it runs, can only access its own job's folder.

Three kernel mechanisms, which cannot be removed again: no_new_privs without capabilities, Landlock, seccomp.
They are applied after the fork and before the first byte of the model is read. docs/explanation/sandbox.md describes
what they restrict. Imports no settings and no compiler.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import importlib.util
import os
import struct
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from neo_workers.sandbox import landlock, seccomp, syscalls
from neo_workers.sandbox.landlock import READ, READ_WRITE, RUN, WORK, Rule

AUTO, REQUIRED, OFF = "auto", "required", "off"
"""Values of the setting: use what the kernel supports; compile only with the complete sandbox; no sandbox."""

REFUSAL = (
    "the compiler's sandbox refused that: a model may use only the files of its own job, no network and no other "
    "processes (docs/explanation/sandbox.md)"
)
_SYSTEM = ("/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/nix/store")
_FACTS = (
    *("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo", "/dev/urandom", "/dev/random", "/dev/zero"),
    *("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu", "/sys/devices/system/node"),
)
_OWN = ("neo_workers", "neo_compiler", "neo_targets")
_LOADERS = ("/lib*/ld-linux*", "/lib/*/ld-linux*", "/usr/lib*/ld-linux*", "/lib/ld-musl*")
_PR_SET_NO_NEW_PRIVS, _CAPABILITY_VERSION_3 = 38, 0x20080522

ENVIRONMENT = {
    "PATH": "",  # no executables are accessible
    "LANG": "C.UTF-8",
    "USER": "neo",
    "LOGNAME": "neo",
    "CUDA_VISIBLE_DEVICES": "-1",
    "JOBLIB_MULTIPROCESSING": "0",  # it would look for semaphores and print a warning
}
KEPT = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONNOUSERSITE", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("LD_PRELOAD", "TZ", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TVM_NUM_THREADS"),
    *("FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE"),
)
"""Environment variables passed to compilers: the configuration of Python and its libraries, nothing about users."""

OF_S3 = ("NEO_EMULATOR_S3_ENDPOINT_URL", "NEO_EMULATOR_REGION")
"""Environment variables for a courier's S3 client, which is created before the fork."""


@dataclass(frozen=True)
class Strength:
    """The mechanisms that this kernel supports."""

    landlock_abi: int
    seccomp: bool

    @property
    def lacks(self) -> list[str]:
        """What is missing from the complete sandbox, and the consequences; [] if nothing is."""
        found = []
        if self.landlock_abi < landlock.LEAST_ABI:
            what = f"Landlock {landlock.LEAST_ABI}" if self.landlock_abi else "Landlock"
            found.append(f"the kernel has no {what}: a hostile model can read what the worker can read")
        if not self.seccomp:
            found.append("the kernel accepts no seccomp filter: a hostile model can use the network")
        return found


class SandboxError(RuntimeError):
    """The sandbox is required but not supported on this machine; the text names what is missing."""


def check(mode: str) -> str:
    """A warning about the sandbox for a worker's start, "" if it is complete. Raises SandboxError."""
    lacks = "; ".join(strength().lacks)
    if mode == OFF:
        return "the sandbox is off: code in a model runs with all rights of this worker"
    if lacks and mode == REQUIRED:
        raise SandboxError(f"the sandbox is not supported here: {lacks}")
    return f"the sandbox is incomplete: {lacks}" if lacks else ""


def strength() -> Strength:
    """The mechanisms that the kernel reports."""
    return Strength(landlock.abi(), seccomp.available())


@lru_cache(maxsize=1)
def readable() -> tuple[Rule, ...]:
    """What every compile may read: interpreter, packages, system libraries, the linker, information about the CPU.

    Must be called first before multiprocessing adds the worker's own folder to sys.path; see `prepare`.
    """
    places = [sys.prefix, sys.base_prefix, *filter(_contains_packages, sys.path), *_SYSTEM, *_FACTS]
    for package in _OWN:
        if spec := importlib.util.find_spec(package):
            places += spec.submodule_search_locations or ()
    rules = [Rule(Path(place), READ) for place in dict.fromkeys(places)]
    if spec := importlib.util.find_spec("ziglang"):
        folders = spec.submodule_search_locations or ()
        rules += [Rule(Path(folder, name), RUN) for folder in folders for name in ("zig", "zig.exe")]
    return (*rules, Rule(Path(os.devnull), READ_WRITE))


def prepare() -> None:
    """Computes what `apply` needs, before any fork: sys.path is unchanged then, and each child saves 2 ms."""
    readable()
    has = strength()
    if has.seccomp and has.landlock_abi >= 6:
        seccomp.program(has.landlock_abi)


def _contains_packages(entry: str) -> bool:
    """Whether an entry of sys.path may be readable: not the start folder, and none that contains a home folder."""
    path = Path(entry)
    return path.is_absolute() and path.exists() and not Path(os.path.expanduser("~")).is_relative_to(path)  # noqa: PTH111


def python_rules() -> list[Rule]:
    """Executables of Python, which a compile starts to time kernels; it has no more rights than the compile."""
    loaders = [name for pattern in _LOADERS for name in glob.glob(pattern)]  # noqa: PTH207 - the pattern is absolute
    return [Rule(Path(name).resolve(), RUN) for name in (sys.executable, *loaders)]


def clean_environment() -> dict[str, str]:
    """The environment of the process that compiles are forked from; /proc shows a process its initial environment."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    kept |= {name: os.environ[name] for name in OF_S3 if name in os.environ}
    return {**kept, "PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONUTF8": "1"}


def set_up_environment(work: Path) -> None:
    """Sets up the environment of a compiler: home, temporary and current folder are in `work`."""
    for name in ("home", "tmp"):
        (work / name).mkdir(exist_ok=True, mode=0o700)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    os.environ.clear()
    os.environ.update(kept, **ENVIRONMENT, HOME=str(work / "home"), TMPDIR=str(work / "tmp"))
    tempfile.tempdir = None  # the parent process may have set it
    os.chdir(work)


def close_all_but(keep: Iterable[int]) -> None:
    """Closes all descriptors from 3 up except those in `keep`."""
    kept = set(keep)
    for name in os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"):  # noqa: PTH208
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def apply(work: Path, mode: str, more: Iterable[Rule] = ()) -> None:
    """Confines this single-threaded process to `work`; `more` are additional rules.

    Raises OSError if the sandbox cannot be applied, and in mode "required" also if any part of it is missing.
    """
    if mode == OFF:
        return
    has = strength()
    if mode == REQUIRED and has.lacks:
        raise OSError(errno.ENOSYS, "; ".join(has.lacks))
    if sys.platform != "linux":
        return
    if len(os.listdir("/proc/self/task")) != 1:  # noqa: PTH208 - up to ABI 7 Landlock is one thread's
        raise OSError(errno.EBUSY, "other threads would stay outside the sandbox")
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _drop_capabilities()
    if has.landlock_abi:
        landlock.restrict([*readable(), Rule(Path("/proc/self"), READ), Rule(work, WORK), *more])
    if has.seccomp:
        seccomp.apply(has.landlock_abi)


def _drop_capabilities() -> None:
    """Drops all capabilities; no_new_privs keeps programs that are executed from getting them back."""
    with contextlib.suppress(KeyError):  # an architecture whose numbers we do not know
        header, nothing = struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
        ctypes.CDLL(None).syscall(seccomp.number(syscalls.CAPSET), header, nothing)


def refused(error: BaseException | None) -> bool:
    """Whether an error was caused by a refusal of the kernel, also if a library converted it to text."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, PermissionError) or any(text in str(error) for text in _REFUSALS):
            return True
        error = error.__cause__ or error.__context__
    return False


_REFUSALS = (os.strerror(errno.EPERM), os.strerror(errno.EACCES))
