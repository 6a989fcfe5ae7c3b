"""Compiles a model of any framework for this machine and holds its numbers against what the framework computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from e2e.compiling import compile_archive, request, tar_gz

from neo_compiler.frontends.base import Array
from neo_compiler.runtime.execute import load_artifact

HOST = {"Os": "LINUX", "Arch": "X86_64"}


def model_files(path: Path) -> dict[str, bytes]:
    """The archive's members: one file, or all of a folder under its name."""
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {str(p.relative_to(path.parent)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def run_compiled(
    framework: str, model: Path, shapes: Any, inputs: Sequence[Array], folder: Path
) -> Mapping[str, Array]:
    """The artifact's outputs by name, in the model's order; `inputs` are in the order of `shapes` or the artifact."""
    wanted = request(HOST, shapes)
    wanted["InputConfig"]["Framework"] = framework
    work = compile_archive(tar_gz(model_files(model)), wanted, folder)
    artifact = load_artifact(work.archive)
    names = [item.name for item in artifact.meta.inputs]
    if isinstance(shapes, dict) and set(shapes) == set(names):
        names = list(shapes)
    outputs = artifact.run(dict(zip(names, inputs, strict=True)))
    return {item.name: outputs[item.name] for item in artifact.meta.outputs}


def error(outputs: Mapping[str, Array], expected: Sequence[Array]) -> float:
    """The largest absolute error, relative to the largest expected value where that is more than 1."""
    assert [array.shape for array in outputs.values()] == [array.shape for array in expected]
    pairs = [(a.astype("f8"), b.astype("f8")) for a, b in zip(outputs.values(), expected, strict=True)]
    return max(float(np.abs(a - b).max() / max(1.0, np.abs(b).max())) for a, b in pairs)
