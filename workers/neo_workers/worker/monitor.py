"""The process between a supervisor and its compiler: it starts the compiler and its courier, and then only waits.

It is the subreaper of the compiler's descendants, so that none can escape by a double fork or a session of its
own, and kills all of them when the compiler has ended or the supervisor closes `orders` (or has died).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from neo_workers.jobs import JsonObject
from neo_workers.sandbox import process_tree, task_limit
from neo_workers.settings import Settings
from neo_workers.worker import compile_child
from neo_workers.worker.messages import CONFINED, ENDED, MADE, WORK


def main(
    job_id: str,
    request: JsonObject,
    folder: str,
    settings: Settings,
    owner: str,
    orders: Connection,
    events: Connection,
    log: Connection,
    trust: Connection,
) -> None:
    """Forks the compiler and the courier, and exits as the one did that ended the job: with its status or signal.

    `settings` are those that a compiler may know; the others come through `trust`, which only the courier reads.
    """
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process_tree.adopt()
    most_tasks = task_limit.most_tasks(settings.max_processes)
    task_limit.limit(most_tasks)
    _write_to(log)
    place = Path(folder).resolve()
    work = place / WORK
    work.mkdir(mode=0o700)
    artifact = os.open(place / MADE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    (ended, wake), (their_word, word) = os.pipe(), os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)

    def carry(start: int, said: int) -> None:
        _carry(job_id, request, place, owner, (trust.fileno(), their_word, start, said, events.fileno()))

    compiler, start, said = _fork_compiler(request, work, settings, artifact)
    carrier = _fork(lambda: carry(start, said), orders.fileno(), word)
    for end in (said, their_word, trust.fileno(), events.fileno()):
        os.close(end)
    task_limit.confine(most_tasks, compiler)  # the kernel takes its time: the model is fetched meanwhile
    with contextlib.suppress(OSError):
        os.write(start, CONFINED)
    os.close(start)
    status = _Watch(compiler, carrier, orders.fileno(), word, ended).run()
    process_tree.bury()
    task_limit.leave()
    _end_as(status)


def _end_as(status: int) -> NoReturn:
    """Ends this process with a wait status: by its signal, or with its exit code."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no handler to take away
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(max(code, 0))


def _write_to(log: Connection) -> None:
    """Standard output and error go into the job's log from here on; there is no input."""
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nothing.fileno(), 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    log.close()


def _fork(run: Callable[[], None], *close: int) -> int:
    """The pid of a new process that does `run` without the descriptors `close`, and ends."""
    if pid := os.fork():
        return pid
    try:
        signal.set_wakeup_fd(-1)
        for end in close:
            os.close(end)
        run()
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # no interpreter shutdown: nothing of it is of use, and native libraries may hang in it


def _fork_compiler(request: JsonObject, work: Path, settings: Settings, artifact: int) -> tuple[int, int, int]:
    """Starts the compiler; its pid, the pipe that tells it to start, and the one with its messages."""
    (their_start, start), (said, their_said) = os.pipe(), os.pipe()
    ends = compile_child.Ends(their_start, their_said, artifact)
    pid = _fork(lambda: compile_child.main(request, work, settings, ends))
    for end in (their_start, their_said, artifact):
        os.close(end)
    return pid, start, said


def _carry(job_id: str, request: JsonObject, folder: Path, owner: str, ends: tuple[int, int, int, int, int]) -> None:
    from neo_workers.worker import courier  # which loads what this process, and the worker, do without

    courier.main(job_id, request, folder, owner, courier.Ends(*ends))


class _Watch:
    """Waits for the end of a compile."""

    def __init__(self, compiler: int, carrier: int, orders: int, word: int, ended: int) -> None:
        self._compiler, self._carrier = compiler, carrier
        self._orders, self._word, self._ended = orders, word, ended
        self._status: int | None = None

    def run(self) -> int:
        """The wait status of who ended the job: the compiler where it crashed, else the courier."""
        while self._status is None:
            ready, _, _ = select.select([self._orders, self._ended], [], [])
            if self._orders in ready and not self._pass_on():
                return self._end_all()
            if self._ended in ready:
                os.read(self._ended, 4096)
                self._reap()
        return self._status

    def _pass_on(self) -> bool:
        """Passes the supervisor's word on to the courier; False when the supervisor has let go of us."""
        data = os.read(self._orders, 16)
        with contextlib.suppress(OSError):
            os.write(self._word, data)
        return bool(data)

    def _end_all(self) -> int:
        process_tree.kill_below(os.getpid())
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._compiler, signal.SIGKILL)  # where there is no /proc
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._carrier, signal.SIGKILL)
        return os.waitpid(self._carrier, 0)[1]

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = found
                if pid == self._carrier:
                    self._status = status if self._status is None else self._status
                elif pid == self._compiler:
                    self._compiler_ended(status)

    def _compiler_ended(self, status: int) -> None:
        """Ends what the compiler has left, and the courier too where it crashed."""
        if status:
            self._status = status
            return
        process_tree.kill_below(os.getpid(), spare=self._carrier)
        with contextlib.suppress(OSError):
            os.write(self._word, ENDED)
