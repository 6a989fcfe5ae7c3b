"""The process that downloads a compiler's model and uploads its artifact: the part of a job that needs credentials.

It runs the pipeline from fetch to upload, with the cache and the tuning database; only the steps that read the
model run in the sandbox (compile_child), which returns a file and a line of JSON. Both are treated as untrusted
input. The courier gets its secrets after the compiler was forked.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from neo_compiler import job_log, pipeline
from neo_compiler.artifact.bundle import digest
from neo_compiler.compilation import Compilation, CompilationContext
from neo_compiler.errors import CompileError, InternalError
from neo_workers.jobs import JobId, JsonObject
from neo_workers.sandbox import limits, process_tree
from neo_workers.settings import Settings
from neo_workers.worker import compile_child, messages
from neo_workers.worker.messages import BEGIN, ENDED, GO, MADE, WORK, Made, Nonsense

log = logging.getLogger("neo_compiler.courier")  # into the job's log


class _ToldError(CompileError):
    """A failure reported by the compiler."""

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Ends:
    """The file descriptors of a courier."""

    trust: int  # the worker's environment and settings, up to the end
    word: int  # to be told GO and ENDED
    start: int  # tells the compiler to begin
    said: int  # the compiler's messages
    events: int  # for the supervisor


class Courier:
    """The courier of one job."""

    def __init__(self, job_id: JobId, request: JsonObject, folder: Path, owner: str, ends: Ends) -> None:
        self._job_id, self._request, self._folder, self._owner, self._ends = job_id, request, folder, owner, ends
        self._heard = b""

    def run(self) -> None:
        """Runs the job and reports "done" or "failed"."""
        settings = self._take_on()
        context = CompilationContext(
            work_dir=self._folder,
            region=self._job_id.scope.region,
            settings=settings,
            report=self._step,
            before_upload=self._before_upload,
            owner=self._owner,
            make=self._make,
        )
        try:
            with job_log.written_to(compile_child.write_log):
                result = pipeline.run(self._request, context)
            self._tell("done", asdict(result))
        except CompileError as error:
            if error.__cause__ is not None:
                traceback.print_exception(error.__cause__)
            self._fail(error.reason)
        except Exception as error:
            traceback.print_exc()
            self._fail(InternalError(f"{type(error).__name__}: {error}").reason)

    def _take_on(self) -> Settings:
        """Receives the worker's environment and settings."""
        data = b""
        while part := os.read(self._ends.trust, 1 << 16):
            data += part
        given = json.loads(data)
        os.environ.clear()
        os.environ.update(given["environment"])
        settings = Settings(**given["settings"])
        limits.apply(settings)
        return settings

    # callbacks of the pipeline

    def _step(self, name: str) -> None:
        compile_child.write_log(f"step: {name}")
        self._tell("step", name)

    def _before_upload(self) -> None:
        os.close(self._ends.start)  # ends a compiler that was not needed (cache hit)
        self._tell("ready")
        self._wait_for(GO)

    def _make(self, work: Compilation) -> None:
        """Lets the compiler create the artifact, and verifies it. Raises CompileError."""
        theirs = self._folder / WORK
        work.model_archive.rename(theirs / work.model_archive.name)
        work.tuning.database.copy_to(theirs)
        with suppress(BrokenPipeError):  # it has ended, and may have reported why
            os.write(self._ends.start, BEGIN)
        made = self._result()
        self._wait_for(ENDED)  # now no process can write to the file
        (self._folder / MADE).rename(work.archive)
        if digest(work.archive) != made.digest:
            raise InternalError("the compiler's artifact does not match its message")
        for entry in made.tuned:
            try:
                work.tuning.database.add(**entry.model_dump())
            except OSError as error:
                log.info("tuning: not kept for other jobs: %s", error)
        work.digest, work.derived, work.tuning.complete = made.digest, made.derived, made.complete

    def _result(self) -> Made:
        """Waits for the compiler's result. Raises CompileError."""
        try:
            for count, line in enumerate(self._lines()):
                kind, value = messages.parse(line)
                if count >= messages.MAX_MESSAGES:
                    raise Nonsense(f"more than {messages.MAX_MESSAGES} messages")
                if kind == "step":
                    self._tell("step", value)
                elif kind == "failed":
                    raise _ToldError(messages.clean_reason(value, self._folder / WORK))
                elif isinstance(value, Made):
                    return value
        except Nonsense as error:
            raise InternalError(f"malformed message from the compiler: {error}") from error
        self._wait_for(ENDED)  # if it crashed, the monitor ends this process, too
        raise InternalError("the compiler ended without a result")

    def _lines(self) -> Iterator[bytes]:
        """The compiler's messages until its end. Raises Nonsense."""
        heard = b""
        while data := os.read(self._ends.said, 1 << 16):
            *lines, heard = (heard + data).split(b"\n")
            yield from lines
            if len(heard) > messages.MAX_LINE_BYTES:
                raise Nonsense("a message is too long")

    # messages to the supervisor

    def _tell(self, kind: str, value: object = None) -> None:
        messages.write(self._ends.events, kind, value)

    def _fail(self, reason: str) -> None:
        self._tell("failed", messages.clean_reason(reason, self._folder))

    def _wait_for(self, word: bytes) -> None:
        while word not in self._heard:
            if not (part := os.read(self._ends.word, 16)):
                os._exit(1)  # the monitor has ended
            self._heard += part
        self._heard = self._heard.replace(word, b"", 1)


def main(job_id: str, request: JsonObject, folder: Path, owner: str, ends: Ends) -> None:
    """Runs a courier in this process."""
    process_tree.die_with_parent()
    os.setsid()
    Courier(JobId.parse(job_id), request, folder, owner, ends).run()
