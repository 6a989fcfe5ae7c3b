"""What lies in an artifact's tar.gz: names, metadata, digests.

    compiled.so          the kernels' machine code (compiled.dll on Windows); in the VM form TVM's VM program too
    compiled.params      the weights, TVM's parameter file
    compiled_model.json  what libdlr runs, or why it cannot (neo_compiler.codegen.static_plan)
    compiled.meta        JSON: inputs, outputs, weights, target, runtime, versions, and what Neo would have put in
    libdlr.so, dlr.h     the runtime that the dlr package loads (dlr.dll on Windows), and its C interface
    manifest             JSON: the runtime that the artifact needs, every other file with its size and BLAKE2b

docs/artifact.md has every field. Source: file names as in real Neo archives.
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
    runtime: dict[str, str] = field(default_factory=dict)  # that runs it; see static_runtime and vm_runtime
    library: str = "compiled.so"
    entry: str = "main"  # in the VM form: called with inputs, then weights
    version: int = META_VERSION

    @property
    def static(self) -> bool:
        """Whether libdlr runs it; if not, TVM's VM does."""
        return self.runtime.get("name") == LIBDLR

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
        "stand_in": bool(spec.no_compiler),
    }


def static_runtime(spec: TargetSpec) -> dict[str, str]:
    """What runs a static artifact: the library in it."""
    library = spec.runtime.path
    return {"name": LIBDLR, "library": library.name, "sources": runtime.built_from(library.read_bytes())}


def vm_runtime(version: str, reason: str) -> dict[str, str]:
    """What runs an artifact in the VM form: TVM's own runtime on the device, and why."""
    return {"name": TVM, "version": version, "reason": reason}


def coreml_runtime() -> dict[str, str]:
    """What runs a Core ML model: macOS and iOS."""
    return {"name": COREML}


def write(files: list[Path], spec: TargetSpec, meta: Meta, archive: Path) -> str:
    """Writes the tar.gz of `files`, which lie in one folder, of libdlr, compiled.meta and the manifest.

    Gives back its BLAKE2b (128 hex digits). Equal files and `meta` give equal bytes.
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
    """compiled.meta of an unpacked artifact. Raises ValueError when there is none of this version."""
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
