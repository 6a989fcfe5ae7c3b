"""The steps of a compilation, from the request to the artifact in S3.

Each step is a plain function of a Compilation; `run` calls them in the order of STEPS. The steps of MAKING are
skipped if the cache has their result. Only they read the model, and they need neither S3 nor the cache: `make` runs
them, in a separate process if the context asks for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from neo_compiler import cache, frontends, input_config, ir_dump
from neo_compiler.compilation import Compilation, CompilationContext, CompilationResult, explained
from neo_compiler.errors import CompilationError, InputConfigurationError
from neo_compiler.settings import CompilerSettings
from neo_compiler.storage import archive
from neo_compiler.tvm_import import load_tvm
from neo_targets.spec import Cuda

log = logging.getLogger(__name__)


def run(request: Mapping[str, Any], context: CompilationContext) -> CompilationResult:
    """Runs the compilation of a CreateCompilationJob request; the artifact is in S3 when this returns.

    Raises CompileError, whose reason is the job's FailureReason.
    """
    with explained():
        work = Compilation.prepare(request, context)
        _do(work, "fetch")
        with ir_dump.dumping_to(dump_folder(context)):
            _make(work)
        _do(work, "upload")
    return CompilationResult(str(work.request.artifact_uri), work.digest, work.derived)


def make(work: Compilation) -> None:
    """Creates the artifact from the model archive in the work folder. Raises CompileError."""
    with explained():
        _do(work, *MAKING)


def dump_folder(context: CompilationContext) -> Path | None:
    """The folder for this compilation's IR dumps, named like its work folder; None if they are off."""
    folder = context.settings.dump_ir
    return folder / context.work_dir.name if folder else None


def preload(settings: CompilerSettings) -> None:
    """Imports what a compilation needs, so that children forked from this process start fast. Runs no kernel."""
    load_tvm()
    import onnx.reference  # noqa: F401

    from neo_compiler.artifact import metadata, params  # noqa: F401
    from neo_compiler.codegen import extract_plan, link, verify  # noqa: F401
    from neo_compiler.frontends.onnx import load as onnx_importer  # noqa: F401
    from neo_compiler.lowering import targets  # noqa: F401
    from neo_compiler.storage import s3

    s3.preload(settings)
    cache.toolchain()


def fetch(work: Compilation) -> None:
    """Downloads the archive from S3, after checking the output bucket, so that a missing one is found early."""
    work.storage.check_output(work.request.artifact_uri)
    size = work.storage.download(work.request.input_uri, work.model_archive, work.context.settings.max_model_bytes)
    log.info(f"{work.request.input_uri}: {size} bytes")


def unpack(work: Compilation) -> None:
    """Unpacks the archive and deletes it."""
    settings = work.context.settings
    path = work.model_archive
    work.files = archive.unpack(path, work.folder("model"), settings.max_model_bytes, settings.max_model_files)
    path.unlink()
    if not work.files:
        raise InputConfigurationError("No model file found.")
    log.info(f"unpacked {len(work.files)} file{'' if len(work.files) == 1 else 's'}")


def import_(work: Compilation) -> None:
    """Converts the model to an IRModule."""
    imported = frontends.loader(work.request.framework)(work.files, work.request.shapes)
    work.imported = imported
    ir_dump.after("imported", imported.module)
    if work.request.shapes is None:  # Source: API_DerivedInformation
        work.derived = input_config.derived(
            {item.name: item.shape for item in imported.inputs if item.shape is not None}
        )
    for kind, tensors in (("input", imported.inputs), ("output", imported.outputs)):
        for tensor in tensors:
            log.info(f"{kind}: {tensor}")


def compile_(work: Compilation) -> None:
    """Generates machine code for the target: kernels of a static model, or TVM's VM program in memory."""
    from neo_compiler.lowering.lower import is_for_cpus
    from neo_compiler.lowering.targets import tvm_target

    assert work.imported is not None
    if work.spec.coreml:
        from neo_compiler.codegen import coreml

        work.library = coreml.convert(work.imported, _class_labels(work), work.folder("library"))
        return
    if work.spec.device is not None and is_for_cpus(work.imported.module):
        log.info(f"this model's kernels are for CPUs: they run on the host of {work.spec.device.label}")
        work.spec = replace(work.spec, device=None)
    target = tvm_target(work.spec)
    log.info(f"target {work.spec.name}: {work.spec.tvm_host()} {work.spec.tvm_device() or ''}".rstrip())
    lowered = _lower(work, target)
    while True:
        try:
            _generate(work, lowered, target)
            return
        except CompilationError as error:
            if not lowered.below:
                raise
            log.info(f"this level makes no machine code: {error}")
            lowered = _lower(work, target, lowered.below)


def _lower(work: Compilation, target: Any, first: int = 0) -> Any:
    """Lowers the model to kernels, from level `first` on, with tuned tiles if tuning is on."""
    from neo_compiler.lowering.cpu.tile_selection import Choices
    from neo_compiler.lowering.lower import lower

    assert work.imported is not None
    choices = Choices(work.tuning.database.tiles)
    lowered = lower(work.imported.module, target, first, choices)
    if first == 0 and work.tuning.improve(target, choices.asked, work.folder("tuning"), log.info):
        choices = Choices(work.tuning.database.tiles)
        lowered = lower(work.imported.module, target, first, choices)
    if choices.used:
        log.info(f"tuning: {len(choices.used)} of {len(choices.asked)} kinds of kernels have tuned tiles")
    return lowered


def _generate(work: Compilation, lowered: Any, target: Any) -> None:
    """Generates machine code of a lowered module. Raises CompilationError."""
    from neo_compiler.codegen import machine_code

    work.weights = lowered.weights
    for note in lowered.notes:
        log.info(note)
    _plan(work, lowered.module)
    if work.plan:
        work.objects = machine_code.write_kernels(lowered.module, target, work.folder("objects"))
    else:
        work.executable = machine_code.generate(lowered.module, target)


def _class_labels(work: Compilation) -> list[str]:
    """The lines of the file in CompilerOptions class_labels. Raises InputConfigurationError."""
    name = work.spec.class_labels
    if not name:
        return []
    path = next((path for path in work.files if path.name == name), None)
    if path is None:
        raise InputConfigurationError(f"CompilerOptions class_labels: there is no file {name} in the model's archive")
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputConfigurationError(f"CompilerOptions class_labels: {name} is not UTF-8 text") from error


def _plan(work: Compilation, lowered: Any) -> None:
    """Creates the static plan, or records why there is none."""
    from neo_compiler.codegen.extract_plan import NotStatic, extract

    assert work.imported is not None
    work.plan = work.not_static = None
    if work.spec.device is not None:
        work.not_static = f"its kernels run on {work.spec.device.label}"
        return
    inputs, outputs = ([item.name for item in items] for items in (work.imported.inputs, work.imported.outputs))
    try:
        work.plan = extract(lowered, inputs, outputs, work.weights)
        log.info(f"static plan: {len(work.plan.calls)} kernel calls, {work.plan.arena_bytes} bytes of memory")
    except NotStatic as reason:
        work.not_static = str(reason)
        log.info(f"not a static plan: {reason}")


def link(work: Compilation) -> None:
    """Links the target's library and verifies its machine."""
    from neo_compiler.codegen.cubin import device_source
    from neo_compiler.codegen.link import export, link_kernels
    from neo_compiler.codegen.verify import verify

    if work.spec.coreml:
        pass  # nothing to link: Apple's compiler on the device generates the code
    elif work.plan:
        work.library = link_kernels(work.objects, work.spec, work.folder("library"))
        verify(work.library, work.spec)
    else:
        work.library = export(work.executable, work.spec, work.folder("library"))
        source = device_source(work.executable.mod)
        if source:
            ir_dump.text("kernels.cu" if isinstance(work.spec.device, Cuda) else "kernels.cl", lambda: source)
        verify(work.library, work.spec, has_kernels=bool(source))
    assert work.library is not None
    log.info(f"{work.library.name}: {work.library.stat().st_size} bytes")


def package(work: Compilation) -> None:
    """Writes the artifact's tar.gz to this machine's disk."""
    from neo_compiler.artifact import bundle, params
    from neo_compiler.artifact import metadata as artifact_metadata
    from neo_compiler.codegen import static_plan

    assert work.imported is not None and work.library is not None
    framework = work.request.framework
    weights = work.plan.weights if work.plan else work.weights
    if work.spec.coreml:
        meta = artifact_metadata.meta(work.spec, framework, work.imported, weights)
        work.digest = bundle.write([work.library], work.spec, meta, work.archive)
        return
    files = [work.library, *(work.library.parent / name for name in (bundle.PARAMS, static_plan.FILE))]
    offsets = params.write(weights, files[1])
    text = static_plan.refusal(work.not_static or "")
    if work.plan:
        text = work.plan.to_json(work.library.name, bundle.PARAMS, offsets)
    files[2].write_text(text, encoding="utf-8")
    meta = artifact_metadata.meta(work.spec, framework, work.imported, weights, work.not_static)
    work.digest = bundle.write(files, work.spec, meta, work.archive)
    log.info(f"artifact: {work.archive.stat().st_size} bytes, BLAKE2b {work.digest[:16]}...")


def self_check(work: Compilation) -> None:
    """If it is on, compares the artifact's outputs with the source framework's."""
    if work.context.settings.self_check:
        from neo_compiler.self_check import check

        assert work.imported is not None
        reference = frontends.reference(work.request.framework)
        log.info(check(work.archive, work.imported, work.files, reference))


def upload(work: Compilation) -> None:
    """Uploads the artifact to S3 when the engine permits."""
    work.context.before_upload()
    key_id = work.request.kms_key_id
    work.storage.upload(work.archive, work.request.artifact_uri, key_id, work.context.owner)
    log.info(f"uploaded {work.request.artifact_uri}")


STEPS: dict[str, Callable[[Compilation], None]] = {
    "fetch": fetch,
    "unpack": unpack,
    "import": import_,
    "compile": compile_,
    "link": link,
    "package": package,
    "check": self_check,
    "upload": upload,
}


MAKING = ("unpack", "import", "compile", "link", "package", "check")
"""The steps from the model archive to the artifact, whose result the cache can replace."""


def _do(work: Compilation, *steps: str) -> None:
    for name in steps:
        work.context.report(name)
        STEPS[name](work)


def _make(work: Compilation) -> None:
    """Gets the artifact from the cache, else by the steps of MAKING."""
    make_it = work.context.make or make
    store = cache.Cache.open(work.context.settings)
    if store is None:
        make_it(work)
        return

    def made() -> cache.Entry:
        make_it(work)
        return cache.Entry(work.digest, work.derived)

    entry = cache.through(store, work.cache_key, work.archive, made)
    work.digest, work.derived = entry.digest, entry.derived
