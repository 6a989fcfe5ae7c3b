# ruff: noqa: PTH101, PTH104, PTH115, PTH116, PTH208, PTH211
"""What a hostile model's code may try, from within the compiler: each comes out as HELD or OPEN, with what came of it.

Run by hostile.py in place of the step that reads a model; the archive brings the facts that an attacker would know.
"""

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import resource
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neo_workers.sandbox import syscalls

libc = ctypes.CDLL(None, use_errno=True)
Attempts = dict[str, Callable[[], Any]]
MARK = "escape|"


def call(number: int | None, *args: object) -> int:
    if number is None:
        raise OSError(errno.ENOSYS, "no such call on this machine")
    result = int(libc.syscall(number, *args))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def named(name: str) -> int | None:
    """The number of a call of syscalls.py's tables."""
    tables = (*syscalls.ABSENT, *syscalls.REFUSED, *syscalls.IGNORED, *syscalls.KILLS, syscalls.TKILL)
    row = next(each for each in tables if each.name == name)
    return row.x86_64 if platform.machine() == "x86_64" else row.aarch64


def outcome(attempt: Callable[[], Any]) -> str:
    try:
        return f"OPEN {attempt()!r:.120}"
    except OSError as error:
        return f"HELD {errno.errorcode.get(error.errno or 0, repr(error))}"
    except subprocess.SubprocessError as error:
        return f"HELD {error!r:.120}"


def files(facts: dict[str, Any], work: Path, parent: int) -> Attempts:
    neighbour, home = Path(facts["neighbour"]), Path(facts["home"])
    reads = {
        "/etc/shadow": Path("/etc/shadow"),
        "/etc/passwd": Path("/etc/passwd"),
        "/etc/hostname": Path("/etc/hostname"),
        "/etc/hosts": Path("/etc/hosts"),
        "HOME/.aws/credentials": home / ".aws/credentials",
        "another job's model": neighbour / "model.tar.gz",
        "the own artifact's file by its name": work.parent / "made.tar.gz",
        "the cache": Path(facts["cache"]) / "secret",
        "/proc/1/environ": Path("/proc/1/environ"),
        **{
            f"/proc/PARENT/{name}": Path(f"/proc/{parent}/{name}")
            for name in ("environ", "mem", "maps", "cmdline", "fd/0", "root/etc/shadow", "cwd")
        },
        **{f"/proc/WORKER/{name}": Path(f"/proc/{facts['worker']}/{name}") for name in ("environ", "mem", "maps")},
    }
    writes = {
        "beside the work folder": work.parent / "beside",
        "/tmp": Path("/tmp/neo-escape"),
        "/dev/shm": Path("/dev/shm/neo-escape"),
        "HOME/.bashrc": home / ".bashrc",
        "another job's folder": neighbour / "new",
        "/etc": Path("/etc/neo-escape"),
        "site-packages": Path(sys.prefix) / "lib/neo-escape.py",
        "our own code": Path(syscalls.__file__).with_name("neo-escape.py"),
    }
    folders = ("/proc", "/tmp", "/", "..", str(neighbour), str(home))
    return {
        **{f"read {what}": lambda path=path: path.read_bytes()[:9] for what, path in reads.items()},
        **{f"list {name}": lambda name=name: len(os.listdir(name)) for name in folders},
        **{f"write {what}": lambda path=path: path.write_text("x") for what, path in writes.items()},
        "read a disk": lambda: Path("/dev/vda").open("rb").read(4),
        "truncate another job's file": lambda: os.truncate(neighbour / "model.tar.gz", 0),
        "read through a symbolic link": lambda: _through_link(work),
        "hard link of another job's file": lambda: os.link(neighbour / "model.tar.gz", work / "hard"),
        "move another job's file in": lambda: os.rename(neighbour / "model.tar.gz", work / "moved"),
        "move the work folder away": lambda: os.rename(work, work.parent / "elsewhere"),
        "make a fifo": lambda: os.mkfifo(work / "fifo"),
        "make a device": lambda: os.mknod(work / "device", 0o060600, os.makedev(254, 0)),
        "make a socket": lambda: os.mknod(work / "socket", 0o140600),
        "set an attribute of another job's file": lambda: os.setxattr(neighbour / "model.tar.gz", "user.x", b"1"),
        "change mode and times of another job's file": lambda: _metadata(neighbour / "model.tar.gz"),
    }


def _through_link(work: Path) -> bytes:
    os.symlink("/etc/shadow", work / "link")
    return (work / "link").read_bytes()[:9]


def _metadata(path: Path) -> str:
    before = os.stat(path)
    os.chmod(path, 0o777)  # pretended
    now = os.stat(path)
    if now.st_mode == before.st_mode:
        os.utime(path, (1, 1))
    return "changed"


def programs(facts: dict[str, Any], work: Path) -> Attempts:
    tool = work / "tool"
    tool.write_bytes(bytes.fromhex(facts["tool"]))
    os.chmod(tool, 0o755)

    def run(*command: object) -> Callable[[], int]:
        return lambda: subprocess.run(list(map(str, command)), check=True, timeout=20, capture_output=True).returncode

    return {
        "run a program of the work folder": run(tool),
        "run it through the loader": run(facts["loader"], tool),
        "run a shell": run("/bin/sh", "-c", "id"),
        "run Python": run(sys.executable, "-c", "1"),
        "memfd_create": lambda: os.memfd_create("x"),
        "execveat": lambda: call(named("execveat"), os.open(tool, os.O_RDONLY), b"", None, None, 0x1000),
        "a fresh library that reaches out": lambda: _library(facts, work, "reach", facts["tcp"]),
        "a fresh library that reads a file": lambda: _library(facts, work, "look", b"/etc/shadow"),
    }


def _library(facts: dict[str, Any], work: Path, function: str, argument: object) -> int:
    """What a function of a library written just now gives back. Raises OSError for its -errno."""
    path = work / f"fresh-{function}.so"
    path.write_bytes(bytes.fromhex(facts["library"]))
    result = int(getattr(ctypes.CDLL(str(path)), function)(argument))
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def network(facts: dict[str, Any]) -> Attempts:
    here = ("127.0.0.1", facts["tcp"])
    return {
        "TCP to 127.0.0.1": lambda: socket.create_connection(here, 2).send(b"x"),
        "UDP to 127.0.0.1": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", here),
        "Valkey's socket": lambda: _unix(facts["unix"]),
        "an abstract socket": lambda: _unix("\0" + facts["abstract"]),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "vsock": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
        "listen on TCP": lambda: socket.create_server(("127.0.0.1", 0)),
    }


def _unix(address: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as each:
        each.settimeout(5)
        each.connect(address)
        each.sendall(b"PING\r\n")
        return each.recv(16)


def processes(facts: dict[str, Any], parent: int) -> Attempts:
    worker = facts["worker"]
    return {
        "signal the parent": lambda: os.kill(parent, 0),
        "signal the worker": lambda: os.kill(worker, 0),
        "tgkill the parent": lambda: call(named("tgkill"), parent, parent, 0),
        "tkill the parent": lambda: call(named("tkill"), parent, 0),
        "queue a signal": lambda: call(named("rt_sigqueueinfo"), parent, 0, struct.pack("iii", 0, 0, -1) + bytes(116)),
        "pidfd of the parent": lambda: call(named("pidfd_open"), parent, 0),
        "a signal through F_SETOWN": lambda: _set_owner(worker),
        "ptrace the parent": lambda: call(named("ptrace"), 16, parent, 0, 0),
        "read the parent's memory": lambda: call(named("process_vm_readv"), parent, None, 0, None, 0, 0),
        "write the parent's memory": lambda: call(named("process_vm_writev"), parent, None, 0, None, 0, 0),
        "compare with the parent": lambda: call(named("kcmp"), parent, parent, 0, 0, 0),
        "limits of the worker": lambda: resource.prlimit(worker, resource.RLIMIT_CORE),
        "affinity of the parent": lambda: os.sched_setaffinity(parent, {0}),
        "priority of the parent": lambda: os.setpriority(os.PRIO_PROCESS, parent, 0),
        "outlive the parent": lambda: _prctl(1, 0),
    }


def _set_owner(pid: int) -> str:
    ours, _ = socket.socketpair()
    fcntl.fcntl(ours, fcntl.F_SETOWN, pid)
    return "set"


def _prctl(option: int, value: int) -> int:
    if libc.prctl(option, value, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    return 0


def kernel(work: Path) -> Attempts:
    new_user = 0x10000000
    wide = struct.pack("QQQQQQQQ", new_user, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    plain = {
        "io_uring_setup": (4, bytes(120)),
        "userfaultfd": (1,),
        "bpf": (0, bytes(72), 72),
        "keyctl": (0, -3, 0),
        "add_key": (b"user", b"x", b"y", 1, -3),
        "mount": (b"none", str(work / "tmp").encode(), b"tmpfs", 0, None),
        "unshare": (new_user,),
        "clone3": (wide, len(wide)),
        "perf_event_open": (bytes(128), 0, -1, -1, 0),
        "open_by_handle_at": (-100, bytes(16), 0),
        "inotify_init1": (0,),
        "fanotify_init": (0, 0),
        "shmget": (0x1234, 4096, 0o1600),
        "msgget": (0x1234, 0o1600),
        "mq_open": (b"x", os.O_CREAT | os.O_RDWR, 0o600, None),
        "finit_module": (0, b"", 0),
        "reboot": (0, 0, 0, 0),
        "personality": (0x0040000,),
        "setns": (0, 0),
        "memfd_secret": (0,),
    }
    return {
        **{name: lambda name=name, args=args: call(named(name), *args) for name, args in plain.items()},
        "clone with a new user namespace": lambda: call(
            syscalls.CLONE.x86_64 if platform.machine() == "x86_64" else syscalls.CLONE.aarch64,
            new_user | signal.SIGCHLD,
            0,
            0,
            0,
            0,
        ),
        "chroot": lambda: os.chroot(work),
        "setuid": lambda: os.setuid(65534),
        "a call newer than we know": lambda: call(syscalls.NEWEST + 1, 0, 0, 0),
        "capabilities": _capabilities,
    }


def _capabilities() -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    left = {line.split()[1] for line in lines if line.startswith(("CapEff", "CapPrm"))}
    if left == {"0" * 16}:
        raise OSError(errno.EPERM, "none")
    return str(left)


def secrets(facts: dict[str, Any]) -> Attempts:

    def search(data: bytes) -> str:
        words = [word[::-1].encode() for word in facts["secrets"]]  # not before: they would be in our own memory
        if found := [word for word in words if word in data]:
            return f"{len(found)} found"
        raise OSError(errno.ENOENT, "none")

    return {
        "secrets in memory": lambda: search(_memory()),  # the first, for the same reason
        "secrets in the environment": lambda: search(Path("/proc/self/environ").read_bytes()),
        "descriptors of others": _descriptors,
    }


def _memory() -> bytes:
    parts = []
    with open("/proc/self/mem", "rb", 0) as memory:  # noqa: PTH123
        for line in Path("/proc/self/maps").read_text().splitlines():
            fields = line.split()
            if "rw" in fields[1] and (len(fields) < 6 or fields[5] in ("[heap]", "[stack]")):
                start, end = (int(each, 16) for each in fields[0].split("-"))
                try:
                    memory.seek(start)
                    parts.append(memory.read(end - start))
                except (OSError, OverflowError, ValueError):
                    continue
    return b"".join(parts)


def _descriptors() -> str:
    """What is open beside our own pipes, our artifact and the sandbox's paths, which nothing can be done with."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            where = os.readlink(f"/proc/self/fd/{name}")
            path_only = fcntl.fcntl(int(name), fcntl.F_GETFL) & os.O_PATH
        except OSError:
            continue
        known = where.startswith("pipe:") or where.endswith(("/made.tar.gz", os.devnull)) or f"/{os.getpid()}/" in where
        if not (path_only or known):
            found.append(where)
    if not found:
        raise OSError(errno.ENOENT, "none")
    return str(found)


def all_of(facts: dict[str, Any], work: Path) -> Attempts:
    """Every attempt by its name; each is made anew when it is called."""
    parent = os.getppid()
    return {
        **secrets(facts),
        **files(facts, work, parent),
        **programs(facts, work),
        **network(facts),
        **processes(facts, parent),
        **kernel(work),
    }


def wanted(work: Path) -> Attempts:
    """What compiles need, and must go on working inside."""
    return {
        "a socket pair": lambda: len(socket.socketpair()),
        "executable memory": lambda: len(mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)),
        "a file and a folder": lambda: ((work / "new/er").mkdir(parents=True), (work / "new/er/x").write_text("x")),
        "a move between folders": lambda: os.rename(work / "new/er/x", work / "moved here"),
        "numbers": lambda: os.urandom(4),
        "a thread": lambda: __import__("threading").Thread(target=int).start(),
    }


def tell(attempts: Attempts, kind: str) -> None:
    """Makes the attempts, and a line of the job's log of each."""
    for name, attempt in attempts.items():
        os.write(1, f"{MARK}{kind}|{name}|{outcome(attempt)}\n".encode())


def facts_of(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return facts
