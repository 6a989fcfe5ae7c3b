"""The process between a supervisor and its compiler: it starts the compiler and the courier, and waits for them.

It is the subreaper of the compiler's descendants, so that none can escape by a double fork or a new session,
and kills all of them when the compiler has ended or the supervisor closes `orders` (or has died).
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
    """Forks the compiler and the courier, and exits like the one that ended the job: with its status or signal.

    `settings` are those that a compiler may see; the others come through `trust`, which only the courier reads.
    """
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process_tree.become_subreaper()
    most_tasks = task_limit.most_tasks(settings.max_processes)
    task_limit.limit(most_tasks)
    _redirect_output(log)
    place = Path(folder).resolve()
    work = place / WORK
    work.mkdir(mode=0o700)
    artifact = os.open(place / MADE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    (ended, wake), (courier_orders, word) = os.pipe(), os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)

    def run_courier(start: int, said: int) -> None:
        _run_courier(job_id, request, place, owner, (trust.fileno(), courier_orders, start, said, events.fileno()))

    compiler, start, said = _fork_compiler(request, work, settings, artifact)
    courier_pid = _fork(lambda: run_courier(start, said), orders.fileno(), word)
    for end in (said, courier_orders, trust.fileno(), events.fileno()):
        os.close(end)
    task_limit.confine(most_tasks, compiler)  # slow in the kernel; the model is fetched meanwhile
    with contextlib.suppress(OSError):
        os.write(start, CONFINED)
    os.close(start)
    status = _Watch(compiler, courier_pid, orders.fileno(), word, ended).run()
    process_tree.reap_descendants()
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


def _redirect_output(log: Connection) -> None:
    """Redirects standard output and error to the job's log, and standard input from /dev/null."""
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nothing.fileno(), 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    log.close()


def _fork(run: Callable[[], None], *close: int) -> int:
    """Forks a process that closes the descriptors `close`, calls `run` and exits; returns its pid."""
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
    os._exit(0)  # no interpreter shutdown: it is useless, and native libraries may hang in it


def _fork_compiler(request: JsonObject, work: Path, settings: Settings, artifact: int) -> tuple[int, int, int]:
    """Starts the compiler; returns its pid, the pipe that tells it to start, and the one with its messages."""
    (their_start, start), (said, their_said) = os.pipe(), os.pipe()
    ends = compile_child.Ends(their_start, their_said, artifact)
    pid = _fork(lambda: compile_child.main(request, work, settings, ends))
    for end in (their_start, their_said, artifact):
        os.close(end)
    return pid, start, said


def _run_courier(
    job_id: str, request: JsonObject, folder: Path, owner: str, ends: tuple[int, int, int, int, int]
) -> None:
    from neo_workers.worker import courier  # imports what neither this process nor the worker needs

    courier.main(job_id, request, folder, owner, courier.Ends(*ends))


class _Watch:
    """Waits for the end of a compile."""

    def __init__(self, compiler: int, courier_pid: int, orders: int, word: int, ended: int) -> None:
        self._compiler, self._courier_pid = compiler, courier_pid
        self._orders, self._word, self._ended = orders, word, ended
        self._status: int | None = None

    def run(self) -> int:
        """The wait status of the process that ended the job: the compiler if it crashed, otherwise the courier."""
        while self._status is None:
            ready, _, _ = select.select([self._orders, self._ended], [], [])
            if self._orders in ready and not self._pass_on():
                return self._end_all()
            if self._ended in ready:
                os.read(self._ended, 4096)
                self._reap()
        return self._status

    def _pass_on(self) -> bool:
        """Passes the supervisor's message on to the courier; False if the supervisor has closed the pipe."""
        data = os.read(self._orders, 16)
        with contextlib.suppress(OSError):
            os.write(self._word, data)
        return bool(data)

    def _end_all(self) -> int:
        process_tree.kill_descendants(os.getpid())
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._compiler, signal.SIGKILL)  # if there is no /proc
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._courier_pid, signal.SIGKILL)
        return os.waitpid(self._courier_pid, 0)[1]

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                pid, status = found
                if pid == self._courier_pid:
                    self._status = status if self._status is None else self._status
                elif pid == self._compiler:
                    self._compiler_ended(status)

    def _compiler_ended(self, status: int) -> None:
        """Kills what the compiler has left running; if it crashed, ends the job with its status."""
        if status:
            self._status = status
            return
        process_tree.kill_descendants(os.getpid(), spare=self._courier_pid)
        with contextlib.suppress(OSError):
            os.write(self._word, ENDED)
