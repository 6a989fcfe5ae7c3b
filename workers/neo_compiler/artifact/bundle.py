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
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError

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
META_BYTES = 16 << 20
"""Most of compiled.meta that is read: 100 000 weights have 10 MB."""
MOST_FILES, MOST_RANK, MOST_FAULTS = 64, 64, 5

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}$")]
"""The name of a file in the artifact, never a path that leads elsewhere."""
Size = Annotated[int, Field(ge=0, lt=1 << 40)]


@dataclass
class _Host:
    mcpu: str = ""


@dataclass
class _Target:
    """What is read of `target`; it may have more."""

    name: str
    os: str
    arch: str
    accelerator: str | None
    triple: str
    host: _Host
    device: dict[str, Any] | None
    cpu_flags: list[str]
    not_compiled: list[str]


def _as_target(value: dict[str, Any]) -> dict[str, Any]:
    TypeAdapter(_Target).validate_python(value)
    return value


def _as_runtime(value: dict[str, str]) -> dict[str, str]:
    if "library" in value:
        TypeAdapter(FileName).validate_python(value["library"])
    return value


@dataclass(frozen=True)
class TensorMeta:
    """One input, output or weight."""

    name: Annotated[str, StringConstraints(max_length=4096)]
    shape: Annotated[tuple[Size, ...], Field(max_length=MOST_RANK)] | None  # None: unknown before run time
    dtype: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]  # numpy name


@dataclass(frozen=True)
class Meta:
    """compiled.meta."""

    framework: str
    framework_version: str  # from the model file
    inputs: tuple[TensorMeta, ...]
    outputs: tuple[TensorMeta, ...]
    weights: tuple[TensorMeta, ...]
    target: Annotated[dict[str, Any], AfterValidator(_as_target)]
    versions: dict[str, str]  # of the emulator, tvm, llvm, ...
    runtime: Annotated[dict[str, str], AfterValidator(_as_runtime)] = field(
        default_factory=dict
    )  # what runs it; see static_runtime and vm_runtime
    library: FileName = "compiled.so"
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
    def from_json(cls, text: str | bytes) -> Meta:
        """The inverse of `to_json`, for text from anywhere. Raises ValueError for what is not of the schema."""
        try:
            return _schema().validate_json(text)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors()[:MOST_FAULTS]]
            raise ValueError(f"not a {META} of this version: {'; '.join(faults)}") from error


@lru_cache(maxsize=1)
def _schema() -> TypeAdapter[Meta]:
    return TypeAdapter(Meta)


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
    """Reads compiled.meta of an unpacked artifact. Raises ValueError if it is missing, too large or malformed."""
    path = folder / META
    if not path.is_file():
        raise ValueError(f"not an artifact of this emulator: it has no {META}")
    with path.open("rb") as file:
        return _read_meta(file)


def read_archive_meta(archive: Path) -> Meta:
    """compiled.meta of an artifact's tar.gz, of which nothing is written to disk. Raises ValueError, OSError."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for count, member in enumerate(tar):
                if member.name == META and member.isfile() and (file := tar.extractfile(member)):
                    return _read_meta(file)
                if count >= MOST_FILES:
                    break
    except (tarfile.TarError, EOFError, zlib.error, RecursionError) as error:
        raise ValueError(f"not an artifact: {error}") from error
    raise ValueError(f"not an artifact of this emulator: it has no {META}")


def _read_meta(file: IO[bytes]) -> Meta:
    text = file.read(META_BYTES + 1)
    if len(text) > META_BYTES:
        raise ValueError(f"{META} has more than {META_BYTES} bytes")
    return Meta.from_json(text)


def digest(path: Path) -> str:
    """BLAKE2b of a file, 128 hex digits. Source: API_ModelDigests."""
    result = hashlib.blake2b()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            result.update(chunk)
    return result.hexdigest()
