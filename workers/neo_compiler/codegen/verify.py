"""Verifies that a compiled library is for the requested machine."""

from __future__ import annotations

from pathlib import Path

from neo_compiler.errors import InternalError
from neo_targets.binary import elf, pe
from neo_targets.spec import Cuda, OpenCl, TargetSpec


def verify(library: Path, spec: TargetSpec, has_kernels: bool = True) -> None:
    """Raises InternalError if the library's machine, float ABI, API level or GPU code does not match `spec`.

    `has_kernels` is False for a model without any computation, which has no GPU code.
    """
    data = library.read_bytes()
    if spec.host.windows:
        _verify_dll(data, spec)
        return
    try:
        head = elf.header(data)
    except elf.ElfError as error:
        raise InternalError(f"the compiled library is broken: {error}") from error
    arch = spec.host.arch
    expected = (arch.elf_class, arch.elf_machine, arch.float_abi)
    found = (head.elf_class, head.machine, head.float_abi)
    if found != expected:
        raise InternalError(f"the compiled library has the wrong machine: {found}, not {expected}")
    if elf.android_api_level(data) != spec.host.api_level:
        raise InternalError(f"the compiled library is for Android API level {elf.android_api_level(data)}")
    if has_kernels and isinstance(spec.device, Cuda):
        _verify_cubin(data, spec.device)
    if has_kernels and isinstance(spec.device, OpenCl) and "__kernel" not in elf.find_opencl(data):
        raise InternalError("the compiled library contains no OpenCL C")


def _verify_cubin(library: bytes, device: Cuda) -> None:
    cubin = elf.find_cubin(library)
    if cubin is None:
        raise InternalError("the compiled library contains no GPU machine code")
    if elf.header(cubin).sm != device.sm:
        raise InternalError(f"the GPU code is for sm_{elf.header(cubin).sm}, not {device.arch}")


def _verify_dll(data: bytes, spec: TargetSpec) -> None:
    try:
        found = pe.machine(data)
    except pe.PeError as error:
        raise InternalError(f"the compiled library is broken: {error}") from error
    if found != spec.host.arch.elf_machine:
        raise InternalError(f"the compiled library has the wrong machine: {found:#x}")
