"""The compiler's process: confined, it runs the pipeline and reports what happens.

It tells of steps and its end through `events`, a line of JSON each, and writes its log to standard output.
"""

from __future__ import annotations

import json
import os
import signal
import traceback
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from neo_compiler.errors import CompilationError, CompileError, InternalError
from neo_workers.jobs import JobId, JsonObject
from neo_workers.sandbox import limits, process_tree
from neo_workers.settings import PREFIX, Settings

CONFINED, GO = b".", b"go"
"""What the compiler is told: it has its limits, it may upload."""
TRUSTED = "fetch"
"""The step that reads nothing that a user made."""
LOG = 1
"""The compiler's standard output goes into its log."""
MORE_MEMORY = f"{PREFIX}MAX_MEMORY_BYTES on the worker raises the limit"


class SupervisorLine:
    """The compiler's connection to its supervisor."""

    def __init__(self, events: Connection, go: int) -> None:
        self._events, self._go = events, go
        self._confined = False

    def step(self, name: str) -> None:
        """Reports a step that begins, also in the log, before the step's own lines. All but the fetch wait until the
        limits are in force."""
        write_log(f"step: {name}")
        self.tell("step", name)
        if not self._confined and name != TRUSTED:
            self._wait_for(CONFINED)
            self._confined = True

    def tell(self, kind: str, value: object = None) -> None:
        """Sends an event."""
        data = memoryview(json.dumps([kind, value]).encode() + b"\n")
        while data:
            data = data[os.write(self._events.fileno(), data) :]

    def before_upload(self) -> None:
        """Returns once the supervisor agrees to the upload."""
        self.tell("ready")
        self._wait_for(GO)

    def _wait_for(self, word: bytes) -> None:
        if not os.read(self._go, len(word)):
            os._exit(1)  # the monitor is gone


def write_log(line: str) -> None:
    """One line of the job's log, unbuffered: native code writes to the same descriptor."""
    data = memoryview(f"{line}\n".encode("utf-8", "backslashreplace"))
    while data:
        data = data[os.write(LOG, data) :]


def confine(go: int, log: Connection, settings: Settings) -> None:
    """Makes this process the compiler: a session of its own, its output into `log`, limits in force."""
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


def run(
    job_id: JobId, request: JsonObject, work_dir: Path, settings: Settings, owner: str, line: SupervisorLine
) -> None:
    """Compiles and reports "done" with a CompilationResult, or "failed" with the FailureReason."""
    tell = line.tell
    try:
        from neo_compiler import job_log, pipeline
        from neo_compiler.compilation import CompilationContext

        context = CompilationContext(
            work_dir=work_dir,
            region=job_id.scope.region,
            settings=settings,
            report=line.step,
            before_upload=line.before_upload,
            owner=owner,
        )
        with job_log.written_to(write_log):
            result = pipeline.run(request, context)
        tell("done", asdict(result))
    except CompileError as error:
        if error.__cause__ is not None:  # the reason says all that is ours; what went wrong below it is for the log
            traceback.print_exception(error.__cause__)
        tell("failed", error.reason)
    except MemoryError:
        tell("failed", CompilationError(f"the compiler ran out of memory; {MORE_MEMORY}").reason)
    except Exception as error:
        traceback.print_exc()
        tell("failed", InternalError(f"{type(error).__name__}: {error}").reason)
