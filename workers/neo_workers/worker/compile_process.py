"""One process tree per compilation, killed as a unit.

    worker -> fork server -> monitor -> compiler (compile_child), in the sandbox -> its subprocesses
                                                  -> courier: S3, cache, tuning database

The supervisor has pipes: `orders` to the monitor, `events` from the courier, `log` from all of them, and
`trust`, which passes the worker's environment and settings to the courier.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext, ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from neo_workers.jobs import JobId, JobResult, JsonObject
from neo_workers.sandbox import process_tree, task_limit
from neo_workers.settings import Settings
from neo_workers.worker import monitor
from neo_workers.worker.messages import GO

CLEAN = "neo_workers.worker.clean_start"
PRELOAD = ["neo_workers.worker.preload"]
MAX_EVENT_BYTES = 1 << 20
MONITOR_SECONDS = 3.0
"""How long a monitor may take to kill its compiler before the supervisor kills them."""


@lru_cache(maxsize=2)
def context_for(prefork: bool) -> BaseContext:
    """The multiprocessing context: children fork from a process with a clean environment. With `prefork` it has loaded
    TVM, but run no kernel: TVM's thread pool does not survive a fork."""
    context = ForkServerContext()
    context.set_forkserver_preload([CLEAN, *(PRELOAD if prefork else [])])
    return context


def warm_up(settings: Settings) -> None:
    """Starts loading TVM for later children, without waiting for it."""
    if settings.prefork:
        from multiprocessing import forkserver

        context_for(True)
        forkserver.ensure_running()


class CompileProcess:
    """A running compilation, as seen by its supervisor. `settings` are all of the worker's."""

    def __init__(self, job_id: JobId, request: JsonObject, work_dir: Path, settings: Settings, owner: str = "") -> None:
        context = context_for(settings.prefork)
        their_orders, self._orders = context.Pipe(duplex=False)
        their_trust, trust = context.Pipe(duplex=False)
        self.events, their_events = context.Pipe(duplex=False)
        self.log, their_log = context.Pipe(duplex=False)
        self._heard = b""  # incomplete event
        theirs = (their_orders, their_events, their_log, their_trust)
        arguments = (str(job_id), request, str(work_dir), settings.for_compiler(), owner, *theirs)
        process: Any = context.Process  # type: ignore[attr-defined]
        self.process: BaseProcess = process(target=monitor.main, args=arguments, daemon=True, name=f"compile {job_id}")
        self.process.start()
        for end in theirs:
            end.close()
        _hand_over(trust, settings)

    def read_events(self) -> list[tuple[str, Any]]:
        """The events that have arrived, as (kind, value); blocks only until the first byte.

        Raises EOFError after the last event, ValueError for a malformed one.
        """
        data = os.read(self.events.fileno(), 1 << 16)
        if not data:
            raise EOFError
        *lines, self._heard = (self._heard + data).split(b"\n")
        if len(self._heard) > MAX_EVENT_BYTES:
            raise ValueError("an event is too long")
        return [_event(line) for line in lines]

    def allow_upload(self) -> None:
        """Lets the courier return from before_upload()."""
        with contextlib.suppress(OSError):
            os.write(self._orders.fileno(), GO)

    def begin_kill(self) -> None:
        """Has the monitor kill the compiler and everything it started; does not wait for that."""
        self._orders.close()

    def kill(self) -> None:
        """Kills the compiler and its subprocesses immediately."""
        self._orders.close()  # the monitor kills all of them
        self.process.join(MONITOR_SECONDS)
        if self.process.is_alive() and self.process.pid is not None:  # it was stopped, or has too many to kill
            process_tree.kill_descendants(self.process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
            self.process.join(5)
            task_limit.sweep(self.process.pid)

    def close(self) -> None:
        """Kills remaining processes and closes the pipes."""
        self.kill()
        self.events.close()
        self.log.close()

    @property
    def pid(self) -> int:
        """The monitor's PID; all processes of this compilation are its descendants."""
        return self.process.pid or 0

    @property
    def exit_code(self) -> int | None:
        """The compiler's exit status; -N for signal N, None while it runs."""
        return self.process.exitcode


def _hand_over(trust: Connection, settings: Settings) -> None:
    """Sends the courier, after the compiler's fork, what the compiler must not know."""
    given = {"environment": dict(os.environ), "settings": settings.model_dump(mode="json")}
    data = memoryview(json.dumps(given).encode())
    with trust, contextlib.suppress(OSError):  # the courier has ended
        while data:
            data = data[os.write(trust.fileno(), data) :]


def _event(line: bytes) -> tuple[str, Any]:
    match json.loads(line):
        case [str(kind), value]:
            return kind, value
    raise ValueError("not an event")


def result_of(value: JsonObject) -> JobResult:
    """The JobResult in a child's "done" event."""
    return JobResult(**value)
