"""The steps of a compilation, from the request to the artifact in S3.

Each step is a plain function over a Compilation; `run` calls them in the order of STEPS. The steps of MAKING are
left out when the cache has their result. They alone read the model, and need neither S3 nor the cache: `make` does
them, in a process of its own where the context says so.
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
    """Compiles what a CreateCompilationJob request asks for; the artifact is in S3 when this returns.

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
    """The artifact, from the model's archive in the work folder. Raises CompileError."""
    with explained():
        _do(work, *MAKING)


def dump_folder(context: CompilationContext) -> Path | None:
    """Where this compilation's modules are written, if the settings ask for it: a folder named as its work folder."""
    folder = context.settings.dump_ir
    return folder / context.work_dir.name if folder else None


def preload(settings: CompilerSettings) -> None:
    """Imports what a compile needs, so that children forked from this process start at once. Runs no kernel."""
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
    """The archive from S3. The output bucket is looked at first: minutes later would be too late to find it missing."""
    work.storage.check_output(work.request.artifact_uri)
    size = work.storage.download(work.request.input_uri, work.model_archive, work.context.settings.max_model_bytes)
    log.info(f"{work.request.input_uri}: {size} bytes")


def unpack(work: Compilation) -> None:
    """The archive's files; the archive itself is removed."""
    settings = work.context.settings
    path = work.model_archive
    work.files = archive.unpack(path, work.folder("model"), settings.max_model_bytes, settings.max_model_files)
    path.unlink()
    if not work.files:
        raise InputConfigurationError("No model file found.")
    log.info(f"unpacked {len(work.files)} file{'' if len(work.files) == 1 else 's'}")


def import_(work: Compilation) -> None:
    """The model as an IRModule."""
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
    """Machine code for the target: the kernels of a static model, or TVM's VM program in memory."""
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
    """The model as kernels, from level `first` on; where the settings ask for it, with tiles that were timed."""
    from neo_compiler.lowering.cpu.tile_selection import Choices
    from neo_compiler.lowering.lower import lower

    assert work.imported is not None
    choices = Choices(work.tuning.database.tiles)
    lowered = lower(work.imported.module, target, first, choices)
    if first == 0 and work.tuning.improve(target, choices.asked, work.folder("tuning"), log.info):
        choices = Choices(work.tuning.database.tiles)
        lowered = lower(work.imported.module, target, first, choices)
    if choices.used:
        log.info(f"tuning: {len(choices.used)} of {len(choices.asked)} kinds of kernels have tiles that were timed")
    return lowered


def _generate(work: Compilation, lowered: Any, target: Any) -> None:
    """Machine code of a lowered module. Raises CompilationError."""
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
    """The lines of the file that CompilerOptions names. Raises InputConfigurationError."""
    name = work.spec.class_labels
    if not name:
        return []
    path = next((path for path in work.files if path.name == name), None)
    if path is None:
        raise InputConfigurationError(f"CompilerOptions class_labels: there is no file {name} in the model's archive")
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputConfigurationError(f"CompilerOptions class_labels: {name} is no text in UTF-8") from error


def _plan(work: Compilation, lowered: Any) -> None:
    """The static plan, or the reason why there is none."""
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
    """The target's library, checked to be for that machine."""
    from neo_compiler.codegen.cubin import device_source
    from neo_compiler.codegen.link import export, link_kernels
    from neo_compiler.codegen.verify import verify

    if work.spec.coreml:
        pass  # nothing to link: Apple's compiler on the device makes the code
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
    """The artifact's tar.gz on this machine's disk."""
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
    """Where the settings ask for it: the artifact's numbers, compared with the source framework's own."""
    if work.context.settings.self_check:
        from neo_compiler.self_check import check

        assert work.imported is not None
        reference = frontends.reference(work.request.framework)
        log.info(check(work.archive, work.imported, work.files, reference))


def upload(work: Compilation) -> None:
    """The artifact in S3, once the engine agrees."""
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
"""The steps between the model's archive and the artifact's: what the cache can stand in for."""


def _do(work: Compilation, *steps: str) -> None:
    for name in steps:
        work.context.report(name)
        STEPS[name](work)


def _make(work: Compilation) -> None:
    """The artifact on this machine's disk: from the cache, else by the steps of MAKING."""
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
