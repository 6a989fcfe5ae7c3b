"""The system calls that a compile may not make, by their result: name, number on x86-64, number on aarch64.

All others up to NEWEST are allowed.
Source: asm/unistd_64.h, asm-generic/unistd.h; a test compares the numbers with those of this machine's headers.
"""

from __future__ import annotations

from typing import NamedTuple


class Call(NamedTuple):
    """A system call; a number is None if the architecture has no such call."""

    name: str
    x86_64: int | None
    aarch64: int | None


NEWEST = 470
"""Newer calls return ENOSYS, as on an older kernel."""


def _both(**numbers: int) -> tuple[Call, ...]:
    return tuple(Call(name, number, number) for name, number in numbers.items())


ABSENT: tuple[Call, ...] = (
    *_both(clone3=435),  # its flags are in memory, which a filter cannot read; the C library falls back to clone
    *_both(io_uring_setup=425, io_uring_enter=426, io_uring_register=427),
    Call("io_setup", 206, 0),
    Call("io_submit", 209, 2),
    Call("memfd_create", 319, 279),
    Call("execveat", 322, 281),
    Call("userfaultfd", 323, 282),
    *_both(memfd_secret=447, pidfd_open=434, pidfd_getfd=438, pidfd_send_signal=424),
    *_both(process_madvise=440, process_mrelease=448),
)
"""ENOSYS: callers have a fallback."""

_SOCKETS = (
    Call("socket", 41, 198),
    Call("connect", 42, 203),
    Call("bind", 49, 200),
    Call("listen", 50, 201),
    Call("accept", 43, 202),
    Call("accept4", 288, 242),
)
_PROCESSES = (
    Call("ptrace", 101, 117),
    Call("process_vm_readv", 310, 270),
    Call("process_vm_writev", 311, 271),
    Call("kcmp", 312, 272),
    Call("setpriority", 141, 140),
    Call("sched_setscheduler", 144, 119),
    Call("sched_setparam", 142, 118),
    Call("sched_setattr", 314, 274),
    Call("ioprio_set", 251, 30),
    Call("move_pages", 279, 239),
    Call("migrate_pages", 256, 238),
)
_KERNEL = (
    Call("add_key", 248, 217),
    Call("request_key", 249, 218),
    Call("keyctl", 250, 219),
    Call("bpf", 321, 280),
    Call("perf_event_open", 298, 241),
    Call("kexec_load", 246, 104),
    Call("kexec_file_load", 320, 294),
    Call("init_module", 175, 105),
    Call("finit_module", 313, 273),
    Call("delete_module", 176, 106),
    Call("reboot", 169, 142),
    Call("swapon", 167, 224),
    Call("swapoff", 168, 225),
    Call("acct", 163, 89),
    Call("quotactl", 179, 60),
    *_both(quotactl_fd=443),
    Call("syslog", 103, 116),
    Call("sethostname", 170, 161),
    Call("setdomainname", 171, 162),
    Call("settimeofday", 164, 170),
    Call("clock_settime", 227, 112),
    Call("adjtimex", 159, 171),
    Call("clock_adjtime", 305, 266),
    Call("modify_ldt", 154, None),
    Call("iopl", 172, None),
    Call("ioperm", 173, None),
    Call("personality", 135, 92),
    Call("vhangup", 153, 58),
)
_NAMESPACES = (
    Call("mount", 165, 40),
    Call("umount2", 166, 39),
    Call("pivot_root", 155, 41),
    Call("chroot", 161, 51),
    *_both(open_tree=428, move_mount=429, fsopen=430, fsconfig=431, fsmount=432, fspick=433),
    *_both(mount_setattr=442, open_tree_attr=467),
    Call("unshare", 272, 97),
    Call("setns", 308, 268),
)
_FILES = (
    Call("name_to_handle_at", 303, 264),
    Call("open_by_handle_at", 304, 265),
    Call("fanotify_init", 300, 262),
    Call("inotify_init1", 294, 26),
    Call("inotify_init", 253, None),
    Call("setxattr", 188, 5),
    Call("lsetxattr", 189, 6),
    Call("fsetxattr", 190, 7),
    Call("removexattr", 197, 14),
    Call("lremovexattr", 198, 15),
    Call("fremovexattr", 199, 16),
    *_both(setxattrat=463, removexattrat=466, file_setattr=469),
    # refused, not ignored: if these succeeded, Path.touch() would not create a file
    Call("utime", 132, None),
    Call("utimes", 235, None),
    Call("futimesat", 261, None),
    Call("utimensat", 280, 88),
)
_IPC = (  # System V's and POSIX' queues: Landlock has no rule for them
    Call("shmget", 29, 194),
    Call("shmat", 30, 196),
    Call("shmctl", 31, 195),
    Call("msgget", 68, 186),
    Call("msgsnd", 69, 189),
    Call("msgrcv", 70, 188),
    Call("msgctl", 71, 187),
    Call("semget", 64, 190),
    Call("semop", 65, 193),
    Call("semctl", 66, 191),
    Call("semtimedop", 220, 192),
    Call("mq_open", 240, 180),
    Call("mq_unlink", 241, 181),
)
_IDENTITY = (
    Call("setuid", 105, 146),
    Call("setgid", 106, 144),
    Call("setreuid", 113, 145),
    Call("setregid", 114, 143),
    Call("setresuid", 117, 147),
    Call("setresgid", 119, 149),
    Call("setgroups", 116, 159),
    Call("setfsuid", 122, 151),
    Call("setfsgid", 123, 152),
    Call("capset", 126, 91),
)
REFUSED: tuple[Call, ...] = (*_SOCKETS, *_PROCESSES, *_KERNEL, *_NAMESPACES, *_FILES, *_IPC, *_IDENTITY)
"""EPERM."""

IGNORED: tuple[Call, ...] = (
    Call("chmod", 90, None),
    Call("fchmod", 91, 52),
    Call("fchmodat", 268, 53),
    *_both(fchmodat2=452),
    Call("chown", 92, None),
    Call("lchown", 94, None),
    Call("fchown", 93, 55),
    Call("fchownat", 260, 54),
)
"""Succeed without effect: Landlock has no rules for them, and tools that copy files need them to succeed."""

CLONE = Call("clone", 56, 220)
PRLIMIT = Call("prlimit64", 302, 261)
SET_AFFINITY = Call("sched_setaffinity", 203, 122)
PRCTL = Call("prctl", 157, 167)
IOCTL = Call("ioctl", 16, 29)
FCNTL = Call("fcntl", 72, 25)
TRUNCATE = Call("truncate", 76, 45)
KILLS = (
    Call("kill", 62, 129),
    Call("tgkill", 234, 131),
    Call("rt_sigqueueinfo", 129, 138),
    Call("rt_tgsigqueueinfo", 297, 240),
)
TKILL = Call("tkill", 200, 130)
SECCOMP = Call("seccomp", 317, 277)
CAPSET = next(call for call in _IDENTITY if call.name == "capset")
