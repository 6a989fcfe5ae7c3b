"""Preloaded in place of neo_workers.worker.preload: a compile misbehaves as its model is named (daemon.tar.gz)."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

from chaos import escapes, faketime  # noqa: F401
from support.hostile_models import load_unchecked
from support.waiting import hangs, takes

import neo_workers.worker.preload  # noqa: F401
from neo_compiler import pipeline
from neo_compiler.compilation import Compilation


def daemon(work: Compilation) -> None:
    """Children in sessions of their own that ignore SIGTERM, forked twice; then a crash."""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if os.fork() == 0:
                hangs()
            os._exit(0)
    takes(0.5)
    os._exit(7)


def forks(work: Compilation) -> None:
    """128 processes, soon. No more, and not for long, in case nothing holds them."""
    for _ in range(7):
        os.fork()
        takes(0.1)
    takes(30)


def bomb(work: Compilation) -> None:
    """Processes faster than anyone looks: the kernel's limit is met first, where there is one."""
    for _ in range(7):
        os.fork()
    takes(30)


def flood(work: Compilation) -> None:
    """64 MiB of output, then a model that is none."""
    line = b"x" * 1023 + b"\n"
    for _ in range(64 << 10):
        os.write(1, line)
    raise pipeline.InputConfigurationError("flooded")


def hang(work: Compilation) -> None:
    """Never ends, and does not hear SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hangs()


def memory(work: Compilation) -> None:
    """More and more memory, in a child."""
    if os.fork() == 0:
        held = []
        for _ in range(200):
            held.append(bytearray(os.urandom(1 << 20) * 16))
            takes(0.01)
        takes(30)
    takes(30)


def disk(work: Compilation) -> None:
    """More and more files."""
    for number in range(30):
        (work.context.work_dir / f"f{number}").write_bytes(bytes(4 << 20))
        takes(0.02)
    takes(30)


def large_file(work: Compilation) -> None:
    with (work.context.work_dir / "large").open("wb") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))


def files(work: Compilation) -> None:
    held = [Path(os.devnull).open("rb") for _ in range(2_000)]  # noqa: SIM115
    assert held


def babble(work: Compilation) -> None:
    """Nonsense where events are expected."""
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b'{"not": an event\n')
        except OSError:
            continue
    hangs()


def segfault(work: Compilation) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def escape(work: Compilation) -> None:
    """Tries everything, tells what came of it in the job's log, and what of the usual still works."""
    real(work)
    folder = work.context.work_dir
    escapes.tell(escapes.all_of(escapes.facts_of(work.folder("model")), folder), "try")
    escapes.tell(escapes.wanted(folder), "want")


def escape_once(work: Compilation) -> None:
    """One attempt, the one that the archive names: the job ends with what came of it."""
    real(work)
    facts = escapes.facts_of(work.folder("model"))
    escapes.all_of(facts, work.context.work_dir)[facts["attempt"]]()


def unchecked(work: Compilation) -> None:
    """Hostile models, loaded with no check of ours before it."""
    real(work)
    for name, said in load_unchecked(work.folder("model")).items():
        os.write(1, f"{escapes.MARK}model|{name}|{said}\n".encode())


ACTIONS: dict[str, Callable[[Compilation], None]] = {
    each.__name__: each
    for each in (
        *(daemon, forks, bomb, flood, hang, memory, disk, large_file, files, babble, segfault),
        *(escape, escape_once, unchecked),
    )
}


def unpack(work: Compilation) -> None:
    ACTIONS.get(work.request.input_uri.stem, real)(work)


real = pipeline.STEPS["unpack"]
pipeline.STEPS["unpack"] = unpack
