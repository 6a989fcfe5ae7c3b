"""One compilation from the request to the artifact in S3. Runs in the job's own child process.

Each step is a plain function over the Work of a job; `run` calls them in the order of STEPS.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neo_targets import registry
from neo_targets.errors import TargetError
from neo_targets.spec import TargetSpec
from neo_workers import archive, inputs
from neo_workers.errors import (
    CompilationError,
    InputConfigurationError,
    InternalError,
    OutputConfigurationError,
)
from neo_workers.importers import loader
from neo_workers.jobs import JobResult, JsonObject
from neo_workers.s3uri import S3Uri, S3UriError, artifact_of, parse
from neo_workers.settings import Settings
from neo_workers.storage import Storage

if TYPE_CHECKING:
    from neo_workers.importers.base import Imported
    from neo_workers.plan import Plan

DISK_HINT = "No space is left on the worker's disk."


@dataclass(frozen=True)
class JobContext:
    """What the engine gives a compile."""

    work_dir: Path  # empty, the job's own; the engine removes it
    region: str
    settings: Settings
    report: Callable[[str], None]  # called with the name of each step as it begins
    before_upload: Callable[[], None]  # returns when the upload may begin


@dataclass
class Work:
    """A job on its way: each step fills in what later ones read."""

    request: JsonObject
    context: JobContext
    storage: Storage
    input_uri: S3Uri
    artifact_uri: S3Uri
    spec: TargetSpec
    shapes: dict[str, inputs.Shape] | list[inputs.Shape] | None  # DataInputConfig
    files: list[Path] = field(default_factory=list)  # of the unpacked archive
    imported: Imported | None = None
    weights: dict[str, Any] = field(default_factory=dict)  # numpy arrays in the order of main's parameters
    plan: Plan | None = None  # of a static model
    not_static: str | None = None  # why there is none
    executable: Any = None  # of a model in TVM's VM form
    library: Path | None = None
    digest: str = ""

    def folder(self, name: str) -> Path:
        """A folder of the job's work folder, made when needed."""
        path = self.context.work_dir / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def kernels(self) -> Path:
        """The object file of a static model."""
        return self.folder("objects") / "kernels.o"

    @property
    def archive(self) -> Path:
        """The artifact before it is uploaded."""
        return self.context.work_dir / "artifact.tar.gz"


def run(request: JsonObject, context: JobContext) -> JobResult:
    """Compiles what a CreateCompilationJob request asks for; the artifact is in S3 when this returns.

    Raises CompileError, whose reason is the job's FailureReason.
    """
    try:
        work = prepare(request, context)
        for name, step in STEPS.items():
            context.report(name)
            step(work)
    except OSError as error:
        raise InternalError(f"{DISK_HINT} {error}" if error.errno == errno.ENOSPC else str(error)) from error
    return JobResult(str(work.artifact_uri), work.digest, _derived(work))


def preload() -> None:
    """Imports what a compile needs, so that children forked from this process start at once. Runs no kernel."""
    import onnx.reference  # noqa: F401
    import tvm  # noqa: F401

    from neo_workers import describe, params, storage  # noqa: F401
    from neo_workers.compiler import link, plan, targets, verify  # noqa: F401
    from neo_workers.importers import onnx as onnx_importer  # noqa: F401

    storage.preload()


def prepare(request: JsonObject, context: JobContext) -> Work:
    """The request, read and checked as far as that needs neither S3 nor the model. Raises CompileError."""
    config = request.get("InputConfig")
    if not config:
        raise CompilationError("ModelPackageVersionArn is not available in this version; please use InputConfig")
    try:
        input_uri = parse(config["S3Uri"])
    except S3UriError as error:
        raise InputConfigurationError(str(error)) from error
    try:
        artifact_uri = artifact_of(request)
    except S3UriError as error:
        raise OutputConfigurationError(str(error)) from error
    try:
        spec = registry.resolve(request["OutputConfig"])
    except TargetError as error:
        raise CompilationError(str(error)) from error
    loader(config["Framework"])  # an unavailable framework is said before anything is fetched
    text = config.get("DataInputConfig")
    shapes = inputs.parse(text) if text is not None else None
    storage = Storage(context.settings.s3_endpoint_url, context.region)
    return Work(request, context, storage, input_uri, artifact_uri, spec, shapes)


def fetch(work: Work) -> None:
    """The archive from S3. The output bucket is looked at first: minutes later would be too late to find it missing."""
    work.storage.check_output(work.artifact_uri)
    size = work.storage.download(work.input_uri, _model_archive(work), work.context.settings.max_model_bytes)
    _say(f"{work.input_uri}: {size} bytes")


def unpack(work: Work) -> None:
    """The archive's files; the archive itself is removed."""
    settings = work.context.settings
    path = _model_archive(work)
    work.files = archive.unpack(path, work.folder("model"), settings.max_model_bytes, settings.max_model_files)
    path.unlink()
    if not work.files:
        raise InputConfigurationError("No model file found.")
    _say(f"unpacked {len(work.files)} files")


def import_(work: Work) -> None:
    """The model as an IRModule, its weights apart."""
    from neo_workers.compiler.parameters import separate

    imported = loader(work.request["InputConfig"]["Framework"])(work.files, work.shapes)
    separated = separate(imported.module)
    work.imported = replace(imported, module=separated.module)
    work.weights = separated.weights
    for kind, tensors in (("input", imported.inputs), ("output", imported.outputs)):
        for tensor in tensors:
            _say(f"{kind}: {tensor}")


def compile_(work: Work) -> None:
    """Machine code for the target: the kernels of a static model, or TVM's VM program in memory."""
    from neo_workers.compiler import build
    from neo_workers.compiler.targets import tvm_target

    assert work.imported is not None
    target = tvm_target(work.spec)
    _say(f"target {work.spec.name}: {work.spec.tvm_host()} {work.spec.tvm_device() or ''}".rstrip())
    lowered = build.lower(work.imported.module, target)
    _plan(work, lowered)
    if work.plan:
        build.write_kernels(lowered, target, work.kernels)
    else:
        work.executable = build.generate(lowered, target)


def _plan(work: Work, lowered: Any) -> None:
    """The static plan, or the reason why there is none."""
    from neo_workers.compiler.plan import NotStatic, extract

    assert work.imported is not None
    if work.spec.device is not None:
        work.not_static = f"its kernels run on {work.spec.accelerator} {work.spec.device.arch}"
        return
    inputs, outputs = ([item.name for item in items] for items in (work.imported.inputs, work.imported.outputs))
    try:
        work.plan = extract(lowered, inputs, outputs, work.weights)
        _say(f"static plan: {len(work.plan.calls)} kernel calls, {work.plan.arena_bytes} bytes of memory")
    except NotStatic as reason:
        work.not_static = str(reason)
        _say(f"not a static plan: {reason}")


def link(work: Work) -> None:
    """The target's library, checked to be for that machine."""
    from neo_workers.compiler.cubin import cuda_source
    from neo_workers.compiler.link import export, link_kernels
    from neo_workers.compiler.verify import verify

    if work.plan:
        work.library = link_kernels(work.kernels, work.spec, work.folder("library"))
        verify(work.library, work.spec)
    else:
        work.library = export(work.executable, work.spec, work.folder("library"))
        verify(work.library, work.spec, has_kernels=bool(cuda_source(work.executable.mod)))
    _say(f"{work.library.name}: {work.library.stat().st_size} bytes")


def package(work: Work) -> None:
    """The artifact's tar.gz on this machine's disk."""
    from neo_workers import artifact, describe, params, plan

    assert work.imported is not None and work.library is not None
    weights = work.plan.weights if work.plan else work.weights
    files = [work.library, *(work.library.parent / name for name in (artifact.PARAMS, plan.FILE))]
    offsets = params.write(weights, files[1])
    text = plan.refusal(work.not_static or "")
    if work.plan:
        text = work.plan.to_json(work.library.name, artifact.PARAMS, offsets)
    files[2].write_text(text, encoding="utf-8")
    framework = work.request["InputConfig"]["Framework"]
    meta = describe.meta(work.spec, framework, work.imported, weights, work.not_static)
    work.digest = artifact.write(files, work.spec, meta, work.archive)
    _say(f"artifact: {work.archive.stat().st_size} bytes, BLAKE2b {work.digest[:16]}...")


def upload(work: Work) -> None:
    """The artifact in S3, once the engine agrees."""
    work.context.before_upload()
    work.storage.upload(work.archive, work.artifact_uri, work.request["OutputConfig"].get("KmsKeyId"))
    _say(f"uploaded {work.artifact_uri}")


STEPS: dict[str, Callable[[Work], None]] = {
    "fetch": fetch,
    "unpack": unpack,
    "import": import_,
    "compile": compile_,
    "link": link,
    "package": package,
    "upload": upload,
}


def _model_archive(work: Work) -> Path:
    return work.context.work_dir / "model.tar.gz"


def _derived(work: Work) -> str | None:
    """DerivedDataInputConfig: only when the request gave none. Source: API_DerivedInformation."""
    if work.shapes is not None or work.imported is None:
        return None
    return inputs.derived({item.name: item.shape for item in work.imported.inputs if item.shape is not None})


def _say(line: str) -> None:
    """One line of the job's log, which is this process's standard output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
