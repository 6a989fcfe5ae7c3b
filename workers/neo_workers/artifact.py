"""What lies in an artifact's tar.gz: names, metadata, digests.

    compiled.so      machine code and TVM's VM program
    compiled.params  the weights, TVM's parameter file; main takes them after the inputs, in the order of compiled.meta
    compiled.meta    JSON: inputs, outputs, weights, target, versions, and what Neo would have put in that is not there
    manifest         JSON: every other file with its size and BLAKE2b

Source: file names as in real Neo archives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neo_targets.spec import TargetSpec
from neo_workers.archive import pack

PARAMS = "compiled.params"
META = "compiled.meta"
MANIFEST = "manifest"
META_VERSION = 1
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class TensorMeta:
    """One input, output or weight."""

    name: str
    shape: tuple[int, ...] | None  # None: known only at run time
    dtype: str  # numpy's name


@dataclass(frozen=True)
class Meta:
    """compiled.meta."""

    framework: str
    framework_version: str  # as the model file states it
    inputs: tuple[TensorMeta, ...]
    outputs: tuple[TensorMeta, ...]
    weights: tuple[TensorMeta, ...]
    target: dict[str, Any]
    versions: dict[str, str]  # of the emulator, tvm, llvm, ...
    library: str = "compiled.so"
    entry: str = "main"  # called with inputs, then weights
    version: int = META_VERSION

    def to_json(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Meta:
        """The Meta that `to_json` wrote. Raises ValueError for anything else."""
        try:
            values = json.loads(text)
            tensors = {key: tuple(map(_tensor, values[key])) for key in ("inputs", "outputs", "weights")}
            return cls(**{**values, **tensors})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a {META} of this version: {error}") from error


def target_meta(spec: TargetSpec, cpu_flags: Iterable[str]) -> dict[str, Any]:
    """The target as compiled.meta states it; `cpu_flags` are /proc/cpuinfo's names."""
    return {
        "name": spec.name,
        "os": spec.os,
        "arch": spec.arch,
        "accelerator": spec.accelerator,
        "triple": spec.host.llvm_triple,
        "host": spec.tvm_host(),
        "device": spec.tvm_device(),
        "cpu_flags": list(cpu_flags),
        "options_without_effect": spec.recorded,
        "not_compiled": list(spec.not_compiled),
    }


def write(library: Path, params: Path, meta: Meta, archive: Path) -> str:
    """Writes the tar.gz; gives back its BLAKE2b (128 hex digits). Equal files and `meta` give equal bytes."""
    folder = library.parent
    files = [library, params, folder / META]
    (folder / META).write_text(meta.to_json(), encoding="utf-8")
    entries = {path.name: {"bytes": path.stat().st_size, "blake2b": digest(path)} for path in files}
    runtime = {"name": "apache-tvm", "version": meta.versions.get("tvm", "")}
    manifest = {"version": META_VERSION, "model": meta.library, "runtime": runtime, "files": entries}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    pack([*files, folder / MANIFEST], archive)
    return digest(archive)


def digest(path: Path) -> str:
    """BLAKE2b of a file, 128 hex digits. Source: API_ModelDigests."""
    result = hashlib.blake2b()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            result.update(chunk)
    return result.hexdigest()


def _tensor(value: dict[str, Any]) -> TensorMeta:
    shape = value["shape"]
    return TensorMeta(value["name"], None if shape is None else tuple(shape), value["dtype"])
