"""A twin: the model of an artifact that this machine cannot run, compiled for this machine instead.

It is a compile like any other (limits, cache), of the job that made the artifact, ended before its upload.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from neo_compiler.errors import CompileError
from neo_workers.jobs import MODEL_PACKAGE_INPUT, Job, JobId, JsonObject
from neo_workers.store.store import JobNotFound, Store
from neo_workers.worker.compile_process import CompileProcess

ARTIFACT = "artifact.tar.gz"
"""The artifact in a compile's work folder before it is uploaded (Compilation.archive)."""
NO_MAKER = "the object does not say which compilation job made it (a copy without its metadata?)"
EOF = "eof"
_DAY_SECONDS = 86_400
_KEPT = ("S3OutputLocation",)
"""What a twin's OutputConfig has of the job's own."""


class TwinError(Exception):
    """There is no twin; the text says why."""


def make(store: Store, work_root: Path, facts: JsonObject, target: Path, say: Callable[[str], None]) -> str:
    """Compiles the twin into `target`. `facts` are those of a serving process's TWIN event.

    Gives back why it could not, "" when it did.
    """
    try:
        job = maker(store, str(facts["owner"]), str(facts["digest"]))
        _check_model(store, job)
    except TwinError as error:
        return str(error)
    request = twin_request(job.request, facts["output"])
    work_dir = Path(tempfile.mkdtemp(prefix="twin-", dir=work_root))
    process = CompileProcess(job.id, request, work_dir, store.settings)
    try:
        seconds = job.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds") or _DAY_SECONDS
        return _watch(process, work_dir / ARTIFACT, target, seconds, say)
    finally:
        process.close()
        shutil.rmtree(work_dir, ignore_errors=True)


def maker(store: Store, mark: str, digest: str) -> Job:
    """The job that made these very bytes. Raises TwinError."""
    try:
        job_id = JobId.parse(mark.rpartition(":")[0])
    except ValueError as error:
        raise TwinError(NO_MAKER) from error
    try:
        job = store.get(job_id)
    except JobNotFound as error:
        raise TwinError(f"compilation job {job_id.name}, which made it, is deleted") from error
    if job.result is None or job.result.artifact_digest != digest:
        raise TwinError(f"it is not what compilation job {job_id.name} has made")
    return job


def twin_request(request: JsonObject, output: JsonObject) -> JsonObject:
    """The job's request with another target; CompilerOptions were for the first."""
    source = request.get(MODEL_PACKAGE_INPUT) or request["InputConfig"]
    kept = {name: request["OutputConfig"][name] for name in _KEPT}
    return {**request, "InputConfig": source, "OutputConfig": {**kept, **output}}


def _check_model(store: Store, job: Job) -> None:
    """Raises TwinError when S3 has no model any more, or one that was put there after the job had begun."""
    from neo_compiler.storage.s3 import Storage
    from neo_compiler.storage.s3_uri import parse

    source = job.request.get(MODEL_PACKAGE_INPUT) or job.request["InputConfig"]
    try:
        modified = Storage(store.settings.s3_endpoint_url, job.id.scope.region).modified(parse(source["S3Uri"]))
    except (CompileError, ValueError) as error:
        raise TwinError(f"its model cannot be had: {error}") from error
    begun = job.started or job.created
    if modified > begun + timedelta(seconds=1):
        raise TwinError(f"{source['S3Uri']} was replaced after compilation job {job.id.name} had read it")


def _watch(process: CompileProcess, made: Path, target: Path, seconds: float, say: Callable[[str], None]) -> str:
    """Why the compile failed, "" once its artifact is in `target`."""
    deadline = time.monotonic() + seconds
    open_ends: list[Any] = [process.events, process.log, process.process.sentinel]
    while open_ends:
        ready = wait(open_ends, timeout=max(0.0, deadline - time.monotonic()))
        if not ready:
            return f"its compile took longer than {seconds:g} s"
        for end in ready:
            if end is process.events:
                for kind, value in _events(process):
                    if kind == "failed":
                        return str(value)
                    if kind == "step":
                        say(f"twin: {value}")
                    if kind == "ready":
                        shutil.copyfile(made, target)
                        return ""
                    if kind == EOF:
                        open_ends.remove(end)
            elif end is not process.log or not os.read(process.log.fileno(), 1 << 16):  # its log is not kept
                open_ends.remove(end)
    return f"its compiler ended with status {process.exit_code}"


def _events(process: CompileProcess) -> list[tuple[str, Any]]:
    """What has come, EOF behind the last."""
    try:
        return process.read_events()
    except (EOFError, ValueError):
        return [(EOF, None)]
