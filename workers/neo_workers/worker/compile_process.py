"""One killable family of processes per compile.

    worker -> the process to fork from -> monitor -> compiler -> whatever that starts

The monitor does nothing but wait: it adopts what the compiler's descendants leave behind, so that nothing can hide by
forking twice or in a session of its own, and ends all of it when the compiler has ended or the supervisor lets go of
`orders` (it closes the pipe, or is gone, however it died). The compiler tells what happens through `events`, a line of
JSON each, and writes its output into `log`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import traceback
from dataclasses import asdict
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext, ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from neo_compiler.errors import CompilationError, CompileError, InternalError
from neo_workers.jobs import JobId, JobResult, JsonObject
from neo_workers.sandbox import limits, process_tree, task_limit
from neo_workers.settings import PREFIX, Settings

CONFINED, GO = b".", b"go"  # what the compiler is told: it has its limits, it may upload
TRUSTED = "fetch"
"""The step that looks at nothing that a user made."""
PRELOAD = ["neo_workers.worker.preload"]
LOG = 1
"""The compiler's standard output goes into its log."""
MAX_EVENT_BYTES = 1 << 20
MONITOR_SECONDS = 3.0
"""How long a monitor has to end its compiler before that is done for it."""
MORE_MEMORY = f"{PREFIX}MAX_MEMORY_BYTES on the worker raises the limit"


@lru_cache(maxsize=2)
def _context(prefork: bool) -> BaseContext:
    """Where children come from. With `prefork` they fork from a process that has TVM loaded and never ran a kernel:
    TVM's thread pool does not survive a fork."""
    if not prefork:
        return SpawnContext()
    context = ForkServerContext()
    context.set_forkserver_preload(PRELOAD)
    return context


def warm_up(settings: Settings) -> None:
    """Starts loading TVM for later children, without waiting for it."""
    if settings.prefork:
        from multiprocessing import forkserver

        _context(True)
        forkserver.ensure_running()


class Child:
    """A compile under way, seen from its supervisor."""

    def __init__(self, job_id: JobId, request: JsonObject, work_dir: Path, settings: Settings, owner: str = "") -> None:
        context = _context(settings.prefork)
        their_orders, self._orders = context.Pipe(duplex=False)
        self.events, their_events = context.Pipe(duplex=False)
        self.log, their_log = context.Pipe(duplex=False)
        self._heard = b""  # the beginning of an event whose end is still to come
        theirs = (their_orders, their_events, their_log)
        arguments = (str(job_id), request, str(work_dir), settings, owner, *theirs)
        process: Any = context.Process  # type: ignore[attr-defined]
        self.process: BaseProcess = process(target=_main, args=arguments, daemon=True, name=f"compile {job_id}")
        self.process.start()
        for end in theirs:
            end.close()

    def read_events(self) -> list[tuple[str, Any]]:
        """The events that have come, (kind, value) each; waits for nothing but a first byte.

        Raises EOFError behind the last, ValueError for what is no event.
        """
        data = os.read(self.events.fileno(), 1 << 16)
        if not data:
            raise EOFError
        *lines, self._heard = (self._heard + data).split(b"\n")
        if len(self._heard) > MAX_EVENT_BYTES:
            raise ValueError("an event without an end")
        return [_event(line) for line in lines]

    def allow_upload(self) -> None:
        """Lets the child go on behind its before_upload()."""
        with contextlib.suppress(OSError):
            os.write(self._orders.fileno(), GO)

    def kill(self) -> None:
        """Ends the compiler and everything it started, at once."""
        self._orders.close()  # the monitor ends all of them
        self.process.join(MONITOR_SECONDS)
        if self.process.is_alive() and self.process.pid is not None:  # it was stopped, or has too many to end
            process_tree.kill_below(self.process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
            self.process.join(5)
            task_limit.sweep(self.process.pid)

    def close(self) -> None:
        """Kills what is left of it and gives the pipes back."""
        self.kill()
        self.events.close()
        self.log.close()

    @property
    def pid(self) -> int:
        """The monitor's pid: everything of this compile is below it."""
        return self.process.pid or 0

    @property
    def exit_code(self) -> int | None:
        """The compiler's exit status, -N for signal N, None while it runs."""
        return self.process.exitcode


def _event(line: bytes) -> tuple[str, Any]:
    match json.loads(line):
        case [str(kind), value]:
            return kind, value
    raise ValueError("not an event")


# in the monitor


def _main(
    job_id: str,
    request: JsonObject,
    work_dir: str,
    settings: Settings,
    owner: str,
    orders: Connection,
    events: Connection,
    log: Connection,
) -> None:
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process_tree.adopt()
    most_tasks = task_limit.most_tasks(settings.max_processes)
    task_limit.limit(most_tasks)
    their_go, go = os.pipe()
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    compiler = os.fork()
    if compiler == 0:
        signal.set_wakeup_fd(-1)
        for end in (orders.fileno(), go, ended, wake):
            os.close(end)
        _become_compiler(their_go, log, settings)
        _compile(JobId.parse(job_id), request, Path(work_dir), settings, owner, Line(events, their_go))
        os._exit(0)  # no interpreter shutdown: nothing of it is of use, and native libraries may hang in it
    os.close(their_go)
    events.close()
    log.close()
    task_limit.confine(most_tasks, compiler)  # the kernel takes its time: the compiler fetches the model meanwhile
    with contextlib.suppress(OSError):
        os.write(go, CONFINED)
    status = _await(compiler, orders.fileno(), go, ended)
    process_tree.bury()
    task_limit.leave()
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no handler to take away
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(max(code, 0))


def _await(compiler: int, orders: int, go: int, ended: int) -> int:
    """The compiler's wait status, once it has ended or the supervisor has let go of us and we have ended it."""
    while True:
        ready, _, _ = select.select([orders, ended], [], [])
        if orders in ready:
            if word := os.read(orders, 16):
                with contextlib.suppress(OSError):
                    os.write(go, word)
            else:
                process_tree.kill_below(os.getpid())
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(compiler, signal.SIGKILL)  # where there is no /proc
                return os.waitpid(compiler, 0)[1]
        if ended in ready:
            os.read(ended, 4096)
            while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                if found[0] == compiler:
                    return found[1]


# in the compiler


class Line:
    """The compiler's line to its supervisor."""

    def __init__(self, events: Connection, go: int) -> None:
        self._events, self._go = events, go
        self._confined = False

    def step(self, name: str) -> None:
        """Tells of a step that begins, in the log too, where it stands before the step's own lines; all but the
        fetch wait for the limits."""
        os.write(LOG, f"step: {name}\n".encode())
        self.tell("step", name)
        if not self._confined and name != TRUSTED:
            self._hear(len(CONFINED))
            self._confined = True

    def tell(self, kind: str, value: object = None) -> None:
        """Sends an event."""
        data = memoryview(json.dumps([kind, value]).encode() + b"\n")
        while data:
            data = data[os.write(self._events.fileno(), data) :]

    def before_upload(self) -> None:
        """Returns once the supervisor agrees to the upload."""
        self.tell("ready")
        self._hear(len(GO))

    def _hear(self, count: int) -> None:
        if not os.read(self._go, count):
            os._exit(1)  # the monitor is gone


def _become_compiler(go: int, log: Connection, settings: Settings) -> None:
    process_tree.die_with_parent()
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nothing.fileno(), 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    log.close()
    os.set_inheritable(go, False)
    limits.apply(settings)


def _compile(job_id: JobId, request: JsonObject, work_dir: Path, settings: Settings, owner: str, line: Line) -> None:
    tell = line.tell
    try:
        from neo_compiler import pipeline

        context = pipeline.JobContext(
            work_dir=work_dir,
            region=job_id.scope.region,
            settings=settings,
            report=line.step,
            before_upload=line.before_upload,
            owner=owner,
        )
        tell("done", asdict(pipeline.run(request, context)))
    except CompileError as error:
        if error.__cause__ is not None:  # the reason says all that is ours; what went wrong below it is for the log
            traceback.print_exception(error.__cause__)
        tell("failed", error.reason)
    except MemoryError:
        tell("failed", CompilationError(f"the compiler ran out of memory; {MORE_MEMORY}").reason)
    except Exception as error:
        traceback.print_exc()
        tell("failed", InternalError(f"{type(error).__name__}: {error}").reason)


def result_of(value: JsonObject) -> JobResult:
    """The JobResult that a child's "done" event carries."""
    return JobResult(**value)
