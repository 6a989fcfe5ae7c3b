"""Runs the pipeline's own steps on this machine, without server and S3, and asks ONNX Runtime for the truth."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from e2e.models import Arrays, Case

from neo_compiler import pipeline
from neo_compiler.compilation import Compilation, CompilationContext
from neo_workers.settings import Settings

OFFLINE = ("unpack", "import", "compile", "link", "package")


def tar_gz(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def request(target: str | dict[str, str], shapes: Any = None, options: str | None = None) -> dict[str, Any]:
    """A CreateCompilationJob request; `shapes` is DataInputConfig, text or what becomes its JSON."""
    source = {"S3Uri": "s3://models/model.tar.gz", "Framework": "ONNX"}
    if shapes is not None:
        source["DataInputConfig"] = shapes if isinstance(shapes, str) else json.dumps(shapes)
    output: dict[str, Any] = {"S3OutputLocation": "s3://artifacts/"}
    output["TargetDevice" if isinstance(target, str) else "TargetPlatform"] = target
    if options is not None:
        output["CompilerOptions"] = options
    return {"InputConfig": source, "OutputConfig": output}


def compile_archive(
    archive: bytes, wanted: dict[str, Any], folder: Path, report: Callable[[str], None] = lambda step: None
) -> Compilation:
    """The compilation after every step that needs no S3; `report` is told each as it begins. Raises CompileError."""
    folder.mkdir(parents=True, exist_ok=True)
    context = CompilationContext(folder, "us-east-1", Settings(), report, lambda: None)
    work = Compilation.prepare(wanted, context)
    (folder / "model.tar.gz").write_bytes(archive)
    for name in OFFLINE:
        report(name)
        pipeline.STEPS[name](work)
    return work


def compile_case(case: Case, target: str | dict[str, str], folder: Path, options: str | None = None) -> Compilation:
    wanted = request(target, case.shapes, options)
    wanted["InputConfig"]["Framework"] = case.framework
    return compile_archive(tar_gz({case.file: case.model}), wanted, folder)


def truth(case: Case) -> Arrays:
    """What the source framework computes: ONNX Runtime, where the case does not say it."""
    if case.expected is not None:
        return case.expected
    import onnx

    from neo_compiler.frontends.onnx.reference import run_reference

    names = [output.name for output in onnx.load_from_string(case.model).graph.output]
    return dict(zip(names, run_reference(case.model, case.inputs), strict=True))


def difference(left: Arrays, right: Arrays) -> float:
    """The largest absolute difference of two sets of outputs with equal names and shapes."""
    assert left.keys() == right.keys()
    for name in left:
        assert left[name].shape == right[name].shape, name
    return max(float(np.abs(left[name].astype("f8") - right[name].astype("f8")).max()) for name in left)
