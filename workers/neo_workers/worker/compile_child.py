"""The compiler process: in the sandbox, it compiles a model file to an artifact file, both of its own job.

It reports through a pipe (messages.py) and writes its log to standard output. The courier and the supervisor do
everything else of a job: S3, the cache, Redis.
"""

from __future__ import annotations

import os
import signal
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neo_compiler.errors import CompileError, InputConfigurationError, InternalError, chain, is_out_of_memory
from neo_workers.jobs import JsonObject
from neo_workers.sandbox import confinement, limits, process_tree
from neo_workers.sandbox.landlock import WORK, Rule
from neo_workers.settings import PREFIX, Settings
from neo_workers.worker import messages

if TYPE_CHECKING:
    from neo_compiler.compilation import Compilation

LOG = 1
"""The compiler's standard output is its log."""
MORE_MEMORY = f"{PREFIX}MAX_MEMORY_BYTES on the worker raises the limit"


@dataclass(frozen=True)
class Ends:
    """The descriptors that a compiler keeps."""

    start: int  # to be told messages.CONFINED and BEGIN
    said: int  # for messages
    artifact: int  # the file to write


def main(request: JsonObject, work: Path, settings: Settings, ends: Ends) -> None:
    """Compiles `work`/model.tar.gz once it is told to; the artifact, and "made" or "failed", when this returns."""
    try:
        _confine(work, settings, ends)
    except OSError as error:
        messages.write(ends.said, "failed", InternalError(f"cannot apply the sandbox: {error}").reason)
        return
    for _ in (messages.CONFINED, messages.BEGIN):
        if not os.read(ends.start, 1):
            return  # the cache has the artifact, or the courier has died
    try:
        messages.write(ends.said, *_made(request, work, settings, ends))
    except Exception as error:
        below = error.__cause__ if isinstance(error, CompileError) else error
        if below is not None:  # the reason says all that is ours; what went wrong below it is for the log
            traceback.print_exception(below)
        messages.write(ends.said, "failed", failure(error, settings).reason)


def _confine(work: Path, settings: Settings, ends: Ends) -> None:
    """A session of its own, limits in force, nothing open but `ends`, the sandbox on. Raises OSError."""
    process_tree.die_with_parent()
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    limits.apply(settings)
    confinement.close_all_but((ends.start, ends.said, ends.artifact))
    confinement.set_up_environment(work)
    more = confinement.python_rules() if settings.tune_seconds else []
    if (dumps := _dumps(work, settings)) is not None:
        dumps.mkdir(parents=True, exist_ok=True)
        more.append(Rule(dumps, WORK))
    confinement.apply(work, settings.sandbox, more)


def _dumps(work: Path, settings: Settings) -> Path | None:
    """Folder for the IR of this job, None if it is not to be written."""
    return settings.dump_ir / work.parent.name if settings.dump_ir else None


def _made(request: JsonObject, work: Path, settings: Settings, ends: Ends) -> tuple[str, JsonObject]:
    """The message of what was made; the artifact is in its file. Raises what a compilation raises."""
    from neo_compiler import ir_dump, job_log, pipeline
    from neo_compiler.compilation import Compilation, CompilationContext

    def report(step: str) -> None:
        write_log(f"step: {step}")
        messages.write(ends.said, "step", step)

    own = settings.model_copy(update={"cache_dir": work})  # where the courier has put what was tuned before
    context = CompilationContext(work, "", own, report, before_upload=lambda: None)
    with job_log.written_to(write_log):
        compilation = Compilation.prepare(request, context)
        with ir_dump.dumping_to(_dumps(work, settings)):
            pipeline.make(compilation)
    _copy(compilation.archive, ends.artifact)
    return "made", _summary(compilation)


def _summary(made: Compilation) -> JsonObject:
    tuned = [
        {name: getattr(entry, name) for name in messages.Tuned.model_fields} for entry in made.tuning.database.added
    ]
    return {"digest": made.digest, "derived": made.derived, "tuned": tuned, "complete": made.tuning.complete}


def _copy(source: Path, target: int) -> None:
    with source.open("rb") as file:
        while chunk := file.read(1 << 20):
            data = memoryview(chunk)
            while data:
                data = data[os.write(target, data) :]


def failure(error: BaseException, settings: Settings) -> CompileError:
    """What an exception ends the job with.

    Importers turn whatever their framework raises into InputConfigurationError: memory that ran out, and errors of our
    own below, are found after it.
    """
    if is_out_of_memory(error):
        return InternalError(f"the compiler ran out of memory; {MORE_MEMORY}")
    own = [each for each in chain(error) if isinstance(each, CompileError)]
    if not own:
        made: CompileError = InternalError(f"{type(error).__name__}: {error}")
        made.__cause__ = error
        return _told(made, settings)
    hidden = [each for each in own[1:] if not isinstance(each, InputConfigurationError)]
    return _told(hidden[-1] if hidden and isinstance(own[0], InputConfigurationError) else own[0], settings)


def _told(error: CompileError, settings: Settings) -> CompileError:
    """The error, with a hint if the sandbox caused it."""
    if settings.sandbox == confinement.OFF or not confinement.refused(error):
        return error
    return type(error)(f"{error}: {confinement.REFUSAL}")


def write_log(line: str) -> None:
    """One line of the job's log, unbuffered: native code writes to the same descriptor."""
    data = memoryview(f"{line}\n".encode("utf-8", "backslashreplace"))
    while data:
        data = data[os.write(LOG, data) :]
