"""Compiles a model for one row of the registry and checks the artifact the way that row can be checked."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pefile
import pytest
from e2e.compiling import compile_case, truth
from e2e.models import CASES, Arrays, Case
from elftools.elf.elffile import ELFFile
from runtime import runners
from runtime.artifacts import Built
from support import pocl

from neo_compiler.artifact.bundle import read_meta
from neo_compiler.compilation import Compilation
from neo_compiler.errors import CompilationError
from neo_compiler.runtime.execute import obstacle, this_cpu_flags
from neo_compiler.storage.archive import unpack
from neo_targets.architectures import WINDOWS
from neo_targets.binary import elf
from neo_targets.listing import EXAMPLE_GPU_CODE
from neo_targets.spec import Cuda, OpenCl, TargetSpec

MAX_ERROR = 1e-4
MODELS = ("conv", "transformer")
NEON = ((0xFFB00F50, 0xF2000C50), (0xFFB00F50, 0xF2000D50), (0xFFB00F50, 0xF3000D50), (0xFFB00F50, 0xF2000D40))
"""Mask and bits of VFMA, VMLA, VMUL and VADD.F32 on quad registers. Source: Arm's ARMv7-A reference manual, A7.4."""


@dataclass(frozen=True)
class Examined:
    """What came of one row and one model."""

    artifact: str  # library and form
    seconds: float  # from request to tar.gz
    check: str  # what was done
    error: float | None  # largest absolute difference from ONNX Runtime, None where nothing could be run

    @property
    def good(self) -> bool:
        """Whether the numbers are ONNX Runtime's, where there are some."""
        return self.error is None or self.error < MAX_ERROR


def examine(kind: str, spec: TargetSpec, model: str, folder: Path, environment: pytest.MonkeyPatch) -> Examined:
    """Compiles and checks. Raises AssertionError or CompileError when the row is not as it says."""
    folder.mkdir(parents=True, exist_ok=True)
    if spec.coreml:
        pytest.importorskip("coremltools", reason="pip install 'neo-emulator[coreml]'")
    target, options = request(kind, spec)
    check = ""
    if spec.no_compiler:
        environment.delenv("NEO_EMULATOR_STAND_IN", raising=False)
        with pytest.raises(CompilationError, match=f"Unable to compile model for {spec.name}"):
            compile_case(_case(model), target, folder / "refused", options)
        environment.setenv("NEO_EMULATOR_STAND_IN", "1")
        check = "refused; stand-in "
    begun = perf_counter()
    work = compile_case(_case(model), target, folder / "job", options)
    seconds = perf_counter() - begun
    environment.delenv("NEO_EMULATOR_STAND_IN", raising=False)
    how, error = _check(work, target, model, folder)
    form = "Core ML" if work.spec.coreml else "static" if work.plan else "VM form"
    return Examined(f"{work.spec.library}, {form}", seconds, check + how, error)


def request(kind: str, spec: TargetSpec) -> tuple[str | dict[str, str], str | None]:
    """TargetDevice or TargetPlatform of a row, and its CompilerOptions."""
    if kind == "TargetDevice":
        return spec.name, None
    platform = {"Os": spec.os, "Arch": spec.arch}
    accelerator = spec.name.removeprefix(f"{spec.os}_{spec.arch}").removeprefix("_")
    if accelerator:
        platform["Accelerator"] = accelerator
    return platform, f"{{'gpu-code': '{EXAMPLE_GPU_CODE}'}}" if accelerator == "NVIDIA" else None


def _check(work: Compilation, target: str | dict[str, str], model: str, folder: Path) -> tuple[str, float | None]:
    assert work.library is not None
    if isinstance(work.spec.device, Cuda):
        cubin = elf.find_cubin(work.library.read_bytes())
        assert cubin is not None and elf.header(cubin).sm == work.spec.device.sm
        return f"cubin for {work.spec.device.arch}: ELF header", None
    if isinstance(work.spec.device, OpenCl):
        kernels, error = pocl.run_apart(target, model, folder / "apart")
        return f"pocl: {kernels} kernels built and run", error
    if work.spec.coreml:
        spec = load_coreml(work.library)
        return f"specification loads: {spec.WhichOneof('Type')}", None
    artifact = folder / "artifact"
    unpack(work.archive, artifact, 1 << 32, 64)
    meta = read_meta(artifact)
    machine = "x86_64" if work.spec.arch == "X86_64" else ""
    lacks = obstacle(meta, machine, this_cpu_flags()) if machine and work.spec.os == "LINUX" else None
    if lacks:
        return f"not run: {lacks.rpartition('; ')[2]}", None
    check = _check_dll(work) if work.spec.os == WINDOWS else ""
    if check and (missing := runners.RUNNERS[work.spec.runtime.name].missing()):
        return f"{check}; not run: {missing}", None
    np.savez(folder / "inputs.npz", **_case(model).inputs)  # type: ignore[arg-type]
    result = runners.run(Built(_case(model), work, artifact, folder / "inputs.npz", _truth(model)), folder)
    return f"{check}{'; ' if check else ''}run, {result.runner}", result.error


def _check_dll(work: Compilation) -> str:
    """What a PE reader that is not ours says: the machine, whose functions are asked for, and the kernels by name."""
    assert work.library is not None and work.plan is not None
    library = pefile.PE(str(work.library))
    assert library.FILE_HEADER.Machine == work.spec.host.arch.elf_machine
    assert {item.dll for item in getattr(library, "DIRECTORY_ENTRY_IMPORT", [])} <= {b"ucrtbase.dll"}
    exported = {symbol.name.decode() for symbol in library.DIRECTORY_ENTRY_EXPORT.symbols}
    assert {f"__tvm_ffi_{call.kernel}" for call in work.plan.calls} <= exported
    return "PE fields"


def load_coreml(path: Path) -> Any:
    """A Core ML model's specification, read by coremltools; skips the test without it."""
    coremltools = pytest.importorskip("coremltools", reason="pip install 'neo-emulator[coreml]'")
    return coremltools.utils.load_spec(str(path))


def quad_operations(library: Path) -> int:
    """How many NEON additions and multiplications of four floats 32-bit ARM code holds."""
    with library.open("rb") as file:
        text = ELFFile(file).get_section_by_name(".text").data()
    words = (word for (word,) in struct.iter_unpack("<I", text[: len(text) // 4 * 4]))
    return sum(any(word & mask == bits for mask, bits in NEON) for word in words)


@cache
def _case(model: str) -> Case:
    return CASES[model]()


@cache
def _truth(model: str) -> Arrays:
    return truth(_case(model))
