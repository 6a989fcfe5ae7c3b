"""`neo-emulator inspect` and `neo-emulator run`: looks into an artifact, and runs it on this machine."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from neo_workers.archive import unpack
from neo_workers.artifact import Meta, TensorMeta, read_meta
from neo_workers.errors import CompileError
from neo_workers.execute import MAX_BYTES, MAX_FILES, CannotRun, load_artifact


def main(options: argparse.Namespace) -> int:
    """The exit status: 0, or 1 when the artifact or its input cannot be used, which is said."""
    try:
        if options.command == "inspect":
            print(describe(_meta(options.artifact)))
        else:
            run(options.artifact, options.input, options.output)
    except (CannotRun, CompileError, ValueError, OSError) as error:
        print(f"neo-emulator: {error}", file=sys.stderr)
        return 1
    return 0


def describe(meta: Meta) -> str:
    """An artifact in a few lines."""
    target = meta.target
    lines = [
        ("target", f"{target['name']}: {target['triple']}, {target['host']['mcpu']}"),
        ("framework", f"{meta.framework} {meta.framework_version}"),
        ("runtime", " ".join(filter(None, (meta.runtime.get("name"), meta.runtime.get("version"))))),
        ("because", meta.runtime.get("reason", "")),
        ("library", meta.library),
        ("CPU needs", " ".join(target["cpu_flags"])),
        ("lacks", "; ".join(target["not_compiled"])),
        *(("input", _tensor(item)) for item in meta.inputs),
        *(("output", _tensor(item)) for item in meta.outputs),
        ("weights", f"{len(meta.weights)}, {sum(map(_bytes, meta.weights))} bytes"),
        *(("version", f"{name} {version}") for name, version in meta.versions.items()),
    ]
    return "\n".join(f"{name:<10} {text}" for name, text in lines if text)


def run(path: Path, inputs: Path | None, outputs: Path | None) -> None:
    """Runs an artifact on an .npz and shows its outputs. Raises CannotRun, or ValueError for wrong inputs."""
    begun = time.perf_counter()
    artifact = load_artifact(path)
    loaded = time.perf_counter()
    arrays = _zeros(artifact.meta) if inputs is None else _read(inputs)
    ready = time.perf_counter()
    found = artifact.run(arrays)
    print(f"load {(loaded - begun) * 1e3:.1f} ms, run {(time.perf_counter() - ready) * 1e3:.1f} ms")
    for name, array in found.items():
        print(f"{name} {list(array.shape)} {array.dtype}")
        print(np.array2string(array, threshold=16, edgeitems=2))
    if outputs is not None:
        with outputs.open("wb") as file:
            np.savez(file, **found)  # type: ignore[arg-type]


def _read(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (zipfile.BadZipFile, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is no .npz: {error}") from error


def _zeros(meta: Meta) -> dict[str, Any]:
    return {item.name: np.zeros(item.shape or (), item.dtype) for item in meta.inputs}


def _meta(path: Path) -> Meta:
    if path.is_dir():
        return read_meta(path)
    with tempfile.TemporaryDirectory(prefix="neo-artifact-") as name:
        unpack(path, Path(name), MAX_BYTES, MAX_FILES)
        return read_meta(Path(name))


def _tensor(item: TensorMeta) -> str:
    return f"{item.name} {'of unknown shape' if item.shape is None else list(item.shape)} {item.dtype}"


def _bytes(item: TensorMeta) -> int:
    from neo_workers.plan import BITS

    return int(np.prod(item.shape or (), dtype=np.int64)) * BITS.get(item.dtype, 8) // 8
