"""`neo-emulator inspect` and `neo-emulator run`: show what an artifact contains, and run it on this machine."""

from __future__ import annotations

import math
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from neo_compiler.artifact.bundle import Meta, TensorMeta, read_archive_meta, read_meta
from neo_compiler.errors import CompileError
from neo_compiler.runtime.execute import CannotRun, load_artifact
from neo_emulator.cli import output
from neo_emulator.cli.output import CommandError
from neo_emulator.control.dashboard import formats

MOST_VALUES = 1000
"""Number of values of an output that --json prints; --output writes all of them."""
GZIP = b"\x1f\x8b"


def inspect(path: Path, *, json_: bool) -> None:
    """Prints what an artifact contains. Raises CommandError."""
    with _refusals():
        _must_be_archive(path)
        meta = _meta(path)
        output.as_json(asdict(meta)) if json_ else output.plain(describe(meta))


def run(path: Path, inputs: Path | None, outputs: Path | None, *, json_: bool) -> None:
    """Runs an artifact on the arrays of an .npz (zeros without one) and prints its outputs.

    Raises CommandError for an artifact that cannot run on this machine, and for inputs that do not match it.
    """
    with _refusals():
        _must_be_archive(path)
        begun = time.perf_counter()
        artifact = load_artifact(path)
        loaded = time.perf_counter()
        arrays = _zeros(artifact.meta) if inputs is None else _read(inputs)
        ready = time.perf_counter()
        found = artifact.run(arrays)
        spent = (loaded - begun) * 1e3, (time.perf_counter() - ready) * 1e3
        _show(found, *spent, json_=json_, what="" if inputs else " on zeros")
        if outputs is not None:
            with outputs.open("wb") as file:
                np.savez(file, **found)  # type: ignore[arg-type]


def _show(found: dict[str, Any], load_ms: float, run_ms: float, *, json_: bool, what: str) -> None:
    if json_:
        arrays = {
            name: {
                "shape": list(array.shape),
                "dtype": str(array.dtype),
                "values": array.ravel()[:MOST_VALUES].tolist(),
            }
            for name, array in found.items()
        }
        output.as_json({"load_ms": round(load_ms, 3), "run_ms": round(run_ms, 3), "outputs": arrays})
        return
    output.plain(f"load {load_ms:.1f} ms, run{what} {run_ms:.1f} ms")
    for name, array in found.items():
        output.plain(f"{name} {list(array.shape)} {array.dtype}")
        output.plain(np.array2string(array, threshold=16, edgeitems=2))


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # stdout was closed: main handles it
    except (CannotRun, CompileError, ValueError, OSError) as error:
        raise CommandError(str(error)) from error


def describe(meta: Meta) -> str:
    """A summary of an artifact in a few lines."""
    target = meta.target
    lines = [
        ("target", f"{target['name']}: {target['triple']}, {target['host'].get('mcpu', '')}"),
        ("framework", f"{meta.framework} {meta.framework_version}"),
        ("runtime", " ".join(filter(None, (meta.runtime.get("name"), meta.runtime.get("version"))))),
        ("because", meta.runtime.get("reason", "")),
        ("library", meta.library),
        ("CPU needs", " ".join(target["cpu_flags"])),
        ("lacks", "; ".join(target["not_compiled"])),
        *(("input", _tensor(item)) for item in meta.inputs),
        *(("output", _tensor(item)) for item in meta.outputs),
        ("weights", f"{len(meta.weights)}, {formats.size(sum(map(_bytes, meta.weights)))}"),
        ("made by", ", ".join(f"{name} {version}" for name, version in meta.versions.items())),
    ]
    return "\n".join(f"{name:<10} {text}" for name, text in lines if text)


def _read(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (zipfile.BadZipFile, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is not an .npz file: {error}") from error


def _zeros(meta: Meta) -> dict[str, Any]:
    return {item.name: np.zeros(item.shape or (), item.dtype) for item in meta.inputs}


def _meta(path: Path) -> Meta:
    return read_meta(path) if path.is_dir() else read_archive_meta(path)


def _must_be_archive(path: Path) -> None:
    """Raises CommandError for a file that is not a tar.gz: the text of the archive's own error is about models."""
    if path.is_file():
        with path.open("rb") as file:
            if file.read(2) != GZIP:
                raise CommandError(f"{path} is not an artifact; `neo-emulator compile` creates one from a model")


def _tensor(item: TensorMeta) -> str:
    return f"{item.name} {'of unknown shape' if item.shape is None else list(item.shape)} {item.dtype}"


def _bytes(item: TensorMeta) -> int:
    from neo_compiler.codegen.static_plan import BITS

    return math.prod(item.shape or ()) * BITS.get(item.dtype, 8) // 8
