"""The process that brings a compiler its model and takes its artifact away: all of a job that needs keys and addresses.

It runs the pipeline, from the fetch to the upload, with the cache and the tuning database; only the steps that read the
model are done elsewhere, in the sandbox (compile_child). What comes back from there is a file and a line of JSON, which
are looked at as a stranger's. Its own secrets reach it behind the fork of the compiler.
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
    """A failure as the compiler has told it."""

    @property
    def reason(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Ends:
    """The descriptors that a courier uses."""

    trust: int  # the worker's environment and settings, up to the end
    word: int  # to be told GO and ENDED
    start: int  # tells the compiler to begin
    said: int  # the compiler's messages
    events: int  # for the supervisor


class Courier:
    """One job's courier."""

    def __init__(self, job_id: JobId, request: JsonObject, folder: Path, owner: str, ends: Ends) -> None:
        self._job_id, self._request, self._folder, self._owner, self._ends = job_id, request, folder, owner, ends
        self._heard = b""

    def run(self) -> None:
        """Sees the job through and tells "done" or "failed"."""
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
        """The worker's own environment and settings."""
        data = b""
        while part := os.read(self._ends.trust, 1 << 16):
            data += part
        given = json.loads(data)
        os.environ.clear()
        os.environ.update(given["environment"])
        settings = Settings(**given["settings"])
        limits.apply(settings)
        return settings

    # the pipeline's questions

    def _step(self, name: str) -> None:
        compile_child.write_log(f"step: {name}")
        self._tell("step", name)

    def _before_upload(self) -> None:
        os.close(self._ends.start)  # a compiler that was not needed, thanks to the cache, ends
        self._tell("ready")
        self._wait_for(GO)

    def _make(self, work: Compilation) -> None:
        """Has the compiler make the artifact, and takes it over. Raises CompileError."""
        theirs = self._folder / WORK
        work.model_archive.rename(theirs / work.model_archive.name)
        work.tuning.database.copy_to(theirs)
        with suppress(BrokenPipeError):  # it has ended, and may have said why
            os.write(self._ends.start, BEGIN)
        made = self._result()
        self._wait_for(ENDED)  # now nothing is left that could write into the file
        (self._folder / MADE).rename(work.archive)
        if digest(work.archive) != made.digest:
            raise InternalError("the compiler's artifact is not what it said")
        for entry in made.tuned:
            try:
                work.tuning.database.add(**entry.model_dump())
            except OSError as error:
                log.info("tuning: not kept for other jobs: %s", error)
        work.digest, work.derived, work.tuning.complete = made.digest, made.derived, made.complete

    def _result(self) -> Made:
        """What the compiler has made, once it says so. Raises CompileError."""
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
            raise InternalError(f"the compiler's messages make no sense: {error}") from error
        self._wait_for(ENDED)  # where it crashed the monitor ends us, too
        raise InternalError("the compiler ended without a result")

    def _lines(self) -> Iterator[bytes]:
        """The compiler's messages, up to its end. Raises Nonsense."""
        heard = b""
        while data := os.read(self._ends.said, 1 << 16):
            *lines, heard = (heard + data).split(b"\n")
            yield from lines
            if len(heard) > messages.MAX_LINE_BYTES:
                raise Nonsense("a message without an end")

    # the way to the supervisor

    def _tell(self, kind: str, value: object = None) -> None:
        messages.write(self._ends.events, kind, value)

    def _fail(self, reason: str) -> None:
        self._tell("failed", messages.clean_reason(reason, self._folder))

    def _wait_for(self, word: bytes) -> None:
        while word not in self._heard:
            if not (part := os.read(self._ends.word, 16)):
                os._exit(1)  # the monitor is gone
            self._heard += part
        self._heard = self._heard.replace(word, b"", 1)


def main(job_id: str, request: JsonObject, folder: Path, owner: str, ends: Ends) -> None:
    """Runs a courier in this process."""
    process_tree.die_with_parent()
    os.setsid()
    Courier(JobId.parse(job_id), request, folder, owner, ends).run()
