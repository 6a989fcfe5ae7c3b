"""The process that has loaded one generation of a variant: it answers its supervisor's requests, in the sandbox.

It has no network, no credentials and no files but its generation's, because the artifact's code is not trusted. Its
first message says whether it is ready (assignment.py); it ends when `line` is closed.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from neo_compiler.artifact import bundle
from neo_compiler.errors import CompileError
from neo_compiler.runtime import execute
from neo_compiler.storage.archive import unpack
from neo_workers.hosting import assignment as talk
from neo_workers.hosting.assignment import MODEL, PROCESS, TWIN_MODEL, Assignment, CannotServeError
from neo_workers.hosting.invocations import Invocation
from neo_workers.hosting.predictor import Predictor
from neo_workers.sandbox import confinement, limits, process_tree
from neo_workers.settings import Settings

NO_SCRIPTS = (
    "This version runs no inference scripts: {what}. Deploy the compiled artifact itself, without an entry point; it "
    "takes application/json, application/x-npy, application/x-npz and text/csv"
)


class NeedsTwinError(Exception):
    """This machine cannot run the artifact; the text says why."""


def main(assignment: Assignment, settings: Settings, line: Connection) -> None:
    """Serves until told to stop."""
    try:
        _confine(assignment.folder, settings, line)
        predictor = load(assignment.folder, settings)
        talk.send(line, talk.READY, {})
        serve(predictor, line)
    except NeedsTwinError as error:
        talk.send(line, talk.TWIN, {"reason": str(error), "output": own_target()})
    except (CannotServeError, CompileError) as error:
        talk.send(line, talk.FAILED, {"reason": str(error)})
    except OSError as error:
        talk.send(line, talk.FAILED, {"reason": f"The model could not be loaded: {error}"})
    os._exit(0)  # no interpreter shutdown: native libraries may hang in it


def _confine(folder: Path, settings: Settings, line: Connection) -> None:
    """Applies limits and the sandbox, and closes every descriptor but `line`. Raises OSError."""
    process_tree.die_with_parent()
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - a descriptor is wanted, not a path
        for descriptor in (0, 1, 2):
            os.dup2(nothing.fileno(), descriptor)
    limits.apply(settings)
    confinement.close_all_but((line.fileno(),))
    (folder / PROCESS).mkdir(exist_ok=True, mode=0o700)
    confinement.set_up_environment(folder / PROCESS)
    confinement.apply(folder, settings.sandbox)


def serve(predictor: Predictor, line: Connection) -> None:
    """Answers requests until `line` is closed."""
    while True:
        try:
            _, facts, body = talk.receive(line)
        except (EOFError, OSError):
            return
        answer = predictor.answer(Invocation(**facts, body=body))
        talk.send(line, talk.ANSWERED, {"status": answer.status, "content_type": answer.content_type}, answer.body)


def load(folder: Path, settings: Settings) -> Predictor:
    """Loads the model. Raises CannotServeError, NeedsTwinError, CompileError."""
    source = folder / PROCESS / "model"
    files = _unpacked(folder / MODEL, source, settings)
    scripts = sorted(str(path.relative_to(source)) for path in files if path.suffix == ".py")
    if scripts:
        raise CannotServeError(NO_SCRIPTS.format(what=f"the model's archive has {', '.join(scripts)}"))
    meta = _meta(source)
    if reason := execute.obstacle(meta, platform.machine(), execute.this_cpu_flags()):
        if not (folder / TWIN_MODEL).exists():
            raise NeedsTwinError(reason)
        source = folder / PROCESS / "twin"
        _unpacked(folder / TWIN_MODEL, source, settings)
        meta = _meta(source)
    try:
        artifact = execute.load_artifact(source)
    except Exception as error:  # libdlr, TVM and the dynamic linker raise many types
        raise CannotServeError(f"The model could not be loaded: {error}") from error
    return Predictor(meta.framework, meta.inputs, meta.outputs, artifact.run)


def _unpacked(archive: Path, folder: Path, settings: Settings) -> list[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return unpack(archive, folder, settings.max_model_bytes, settings.max_model_files)


def _meta(folder: Path) -> bundle.Meta:
    try:
        return bundle.read_meta(folder)
    except ValueError as error:
        raise CannotServeError(f"The model data is not an artifact of a compilation job here: {error}") from error


CANDIDATES: tuple[dict[str, Any], ...] = (
    {"TargetDevice": "ml_c5"},
    {"TargetDevice": "ml_c4"},
    {"TargetPlatform": {"Os": "LINUX", "Arch": "X86_64"}},
    {"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64"}},
)
"""What a twin may be compiled for, the fastest first."""


def own_target() -> dict[str, Any]:
    """The target members of an OutputConfig whose artifacts this machine can run. Raises CannotServeError."""
    from neo_compiler.lowering.targets import cpu_flags
    from neo_targets import registry

    for output in CANDIDATES:
        spec = registry.resolve(output)
        target = bundle.target_meta(spec, cpu_flags(spec))
        if execute.target_obstacle(target, platform.machine(), execute.this_cpu_flags()) is None:
            return output
    raise CannotServeError(f"No target runs on this machine ({platform.machine()})")
