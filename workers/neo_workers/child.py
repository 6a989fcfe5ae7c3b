"""One killable process per compile.

The child leads a session of its own, so everything it starts dies with it. It hears its supervisor through `orders`;
when that pipe closes (the worker is gone, however it died) it kills its own process group. It tells what
happens through `events` (JSON) and writes its output into `log`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext, ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from neo_workers.errors import CompileError, InternalError
from neo_workers.jobs import JobId, JobResult, JsonObject
from neo_workers.settings import Settings

GO = b"go"
ReadyCallback = Callable[[], None]


@lru_cache(maxsize=2)
def _context(prefork: bool) -> BaseContext:
    """Where children come from. With `prefork` they fork from a process that has TVM loaded and never ran a kernel:
    TVM's thread pool does not survive a fork."""
    if not prefork:
        return SpawnContext()
    context = ForkServerContext()
    context.set_forkserver_preload(["neo_workers.preload"])
    return context


def warm_up(settings: Settings) -> None:
    """Starts loading TVM for later children, without waiting for it."""
    if settings.prefork:
        from multiprocessing import forkserver

        _context(True)
        forkserver.ensure_running()


class Child:
    """A compile under way, seen from its supervisor."""

    def __init__(self, job_id: JobId, request: JsonObject, work_dir: Path, settings: Settings) -> None:
        context = _context(settings.prefork)
        their_orders, self._orders = context.Pipe(duplex=False)
        self.events, their_events = context.Pipe(duplex=False)
        self.log, their_log = context.Pipe(duplex=False)
        theirs = (their_orders, their_events, their_log)
        arguments = (str(job_id), request, str(work_dir), settings.model_dump_json(), *theirs)
        process: Any = context.Process  # type: ignore[attr-defined]
        self.process: BaseProcess = process(target=_main, args=arguments, daemon=True, name=f"compile {job_id}")
        self.process.start()
        for end in theirs:
            end.close()

    def allow_upload(self) -> None:
        """Lets the child go on behind its before_upload()."""
        with contextlib.suppress(OSError):
            self._orders.send_bytes(GO)

    def kill(self) -> None:
        """Ends the child and everything it started, at once."""
        if self.process.pid is not None:
            for send in (os.killpg, os.kill):  # the group exists once the child has called setsid
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    send(self.process.pid, signal.SIGKILL)
        self._orders.close()
        self.process.join(5)

    def close(self) -> None:
        """Kills what is left of it and gives the pipes back."""
        self.kill()
        self.events.close()
        self.log.close()

    @property
    def exit_code(self) -> int | None:
        """The exit status, -N for signal N, None while it runs."""
        return self.process.exitcode


# in the child


def _listen(orders: Connection, go: threading.Event) -> None:
    """Waits for GO; when the supervisor is gone instead, ends the whole process group."""
    try:
        while orders.recv_bytes(16) == GO:
            go.set()
    except (EOFError, OSError):
        pass
    os.killpg(0, signal.SIGKILL)


def _main(
    job_id: str,
    request: JsonObject,
    work_dir: str,
    settings_json: str,
    orders: Connection,
    events: Connection,
    log: Connection,
) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nothing.fileno(), 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    log.close()
    go = threading.Event()
    threading.Thread(target=_listen, args=(orders, go), daemon=True).start()

    def tell(kind: str, value: object = None) -> None:
        events.send_bytes(json.dumps([kind, value]).encode())

    def before_upload() -> None:
        tell("ready")
        go.wait()

    _compile(
        JobId.parse(job_id), request, Path(work_dir), Settings.model_validate_json(settings_json), tell, before_upload
    )
    events.close()
    os._exit(0)  # no interpreter shutdown: nothing of it is of use, and native libraries may hang in it


def _compile(
    job_id: JobId,
    request: JsonObject,
    work_dir: Path,
    settings: Settings,
    tell: Callable[..., None],
    before_upload: ReadyCallback,
) -> None:
    try:
        from neo_workers import pipeline

        context = pipeline.JobContext(
            work_dir=work_dir,
            region=job_id.scope.region,
            settings=settings,
            report=lambda step: tell("step", step),
            before_upload=before_upload,
        )
        tell("done", asdict(pipeline.run(request, context)))
    except CompileError as error:
        traceback.print_exc()
        tell("failed", error.reason)
    except MemoryError:
        tell("failed", InternalError("the compiler ran out of memory").reason)
    except Exception as error:
        traceback.print_exc()
        tell("failed", InternalError(f"{type(error).__name__}: {error}").reason)


def result_of(value: JsonObject) -> JobResult:
    """The JobResult that a child's "done" event carries."""
    return JobResult(**value)
