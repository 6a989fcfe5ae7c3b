"""The contents of an artifact's tar.gz: file names, metadata, digests.

    compiled.so          the kernels' machine code (compiled.dll on Windows); in the VM form also TVM's VM program
    compiled.params      the weights, TVM's parameter file
    compiled_model.json  the plan that libdlr runs, or why there is none (neo_compiler.codegen.static_plan)
    compiled.meta        JSON: inputs, outputs, weights, target, runtime, versions, and what is missing compared to Neo
    libdlr.so, dlr.h     the runtime that the dlr package loads (dlr.dll on Windows), and its C interface
    manifest             JSON: the runtime that the artifact needs, and the size and BLAKE2b of every other file

docs/artifact.md describes every field. Source of the file names: real Neo archives.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from neo_compiler.storage.archive import pack
from neo_targets import runtime
from neo_targets.spec import TargetSpec

PARAMS = "compiled.params"
META = "compiled.meta"
MANIFEST = "manifest"
META_VERSION = 2
LIBDLR, TVM, COREML = "libdlr", "apache-tvm", "coreml"
"""Names of runtimes."""

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class TensorMeta:
    """One input, output or weight."""

    name: str
    shape: tuple[int, ...] | None  # None: unknown before run time
    dtype: str  # numpy name


@dataclass(frozen=True)
class Meta:
    """compiled.meta."""

    framework: str
    framework_version: str  # from the model file
    inputs: tuple[TensorMeta, ...]
    outputs: tuple[TensorMeta, ...]
    weights: tuple[TensorMeta, ...]
    target: dict[str, Any]
    versions: dict[str, str]  # of the emulator, tvm, llvm, ...
    runtime: dict[str, str] = field(default_factory=dict)  # what runs it; see static_runtime and vm_runtime
    library: str = "compiled.so"
    entry: str = "main"  # VM form: the function, called with inputs, then weights
    version: int = META_VERSION

    @property
    def static(self) -> bool:
        """Whether libdlr runs it, otherwise TVM's VM."""
        return self.runtime.get("name") == LIBDLR

    def to_json(self) -> str:
        """The text of compiled.meta."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Meta:
        """The inverse of `to_json`. Raises ValueError for other texts."""
        try:
            values = json.loads(text)
            tensors = {key: tuple(map(_tensor, values[key])) for key in ("inputs", "outputs", "weights")}
            return cls(**{**values, **tensors})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a {META} of this version: {error}") from error


def target_meta(spec: TargetSpec, cpu_flags: Iterable[str]) -> dict[str, Any]:
    """The member `target` of compiled.meta; `cpu_flags` are names from /proc/cpuinfo."""
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
        "stand_in": bool(spec.no_compiler),
    }


def static_runtime(spec: TargetSpec) -> dict[str, str]:
    """The member `runtime` for a static artifact, which its own libdlr runs."""
    library = spec.runtime.path
    return {"name": LIBDLR, "library": library.name, "sources": runtime.built_from(library.read_bytes())}


def vm_runtime(version: str, reason: str) -> dict[str, str]:
    """The member `runtime` for an artifact in the VM form, which TVM's runtime runs on the device; with the reason."""
    return {"name": TVM, "version": version, "reason": reason}


def coreml_runtime() -> dict[str, str]:
    """The member `runtime` for a Core ML model, which macOS and iOS run."""
    return {"name": COREML}


def write(files: list[Path], spec: TargetSpec, meta: Meta, archive: Path) -> str:
    """Writes a tar.gz of `files` (from one folder), libdlr, compiled.meta and the manifest.

    Returns its BLAKE2b (128 hex digits). Equal files and `meta` give equal bytes.
    """
    folder = files[0].parent
    bundled = () if spec.coreml else (spec.runtime.path, runtime.HEADER)
    for source in bundled:
        shutil.copyfile(source, folder / source.name)
    (folder / META).write_text(meta.to_json(), encoding="utf-8")
    packed = [*files, *(folder / name for name in (META, *(source.name for source in bundled)))]
    entries = {path.name: {"bytes": path.stat().st_size, "blake2b": digest(path)} for path in packed}
    lacks = {key: meta.target[key] for key in ("not_compiled", "stand_in")}
    manifest = {"version": META_VERSION, "model": meta.library, "runtime": meta.runtime, **lacks, "files": entries}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    pack([*packed, folder / MANIFEST], archive)
    return digest(archive)


def read_meta(folder: Path) -> Meta:
    """Reads compiled.meta of an unpacked artifact. Raises ValueError if it is missing or of another version."""
    if not (folder / META).is_file():
        raise ValueError(f"not an artifact of this emulator: it has no {META}")
    return Meta.from_json((folder / META).read_text(encoding="utf-8"))


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
