"""TargetPlatform: the valid combinations of Os, Arch and Accelerator, and their targets before options.

Source: the support matrix of neo-supported-devices-edge-devices in AWS's developer guide. Beyond it: LINUX/X86, and
NNA, for which the guide has no row, with every Arch.
"""

from __future__ import annotations

from neo_targets.architectures import ANDROID, ARCHITECTURES, LINUX, Architecture
from neo_targets.devices import nvidia, opencl
from neo_targets.errors import TargetError
from neo_targets.spec import Cuda, Host, TargetSpec

_DOC = "neo-supported-devices-edge-devices, support matrix"

_X86_64, _X86, _ARM64, _EABI, _EABIHF = "X86_64", "X86", "ARM64", "ARM_EABI", "ARM_EABIHF"
_GPUS = {"MALI": opencl.MALI, "INTEL_GRAPHICS": opencl.INTEL_GRAPHICS}
_CHECKS = {
    (LINUX, _X86_64): "run on an x86-64 host against onnxruntime",
    (LINUX, _X86): "run on an x86-64 host with 32-bit libraries against onnxruntime",
    (LINUX, _ARM64): "run under qemu-user against onnxruntime",
    (LINUX, _EABI): "run under qemu-user against onnxruntime",
    (LINUX, _EABIHF): "run under qemu-user against onnxruntime",
}
_BIONIC = "its code is run with glibc (natively or under qemu-user) against onnxruntime; the ELF header and notes"

PLATFORMS: dict[tuple[str, str], tuple[str, ...]] = {
    (LINUX, _X86_64): ("", "NVIDIA", "INTEL_GRAPHICS", "NNA"),
    (LINUX, _X86): ("", "NNA"),
    (LINUX, _ARM64): ("", "NVIDIA", "MALI", "NNA"),
    (LINUX, _EABI): ("", "MALI", "NNA"),
    (LINUX, _EABIHF): ("", "MALI", "NNA"),
    (ANDROID, _X86_64): ("", "INTEL_GRAPHICS", "NNA"),
    (ANDROID, _X86): ("", "INTEL_GRAPHICS", "NNA"),
    (ANDROID, _ARM64): ("", "MALI", "NNA"),
    (ANDROID, _EABI): ("", "MALI", "NNA"),
}
"""(Os, Arch) -> accelerators; "" is none."""

DEFAULT_API_LEVEL = 21
"""Default API level for Android: the lowest in the documentation, whose code runs on all later ones."""


def names() -> list[str]:
    """All platforms as "LINUX/ARM64/NVIDIA", sorted."""
    return sorted("/".join(filter(None, (*key, acc))) for key, accs in PLATFORMS.items() for acc in accs)


def platform(os: str, arch: str, accelerator: str, options: dict[str, object]) -> TargetSpec:
    """The target of one TargetPlatform; `options` are parsed CompilerOptions, not yet applied.

    Raises TargetError for a combination that does not exist, and for NVIDIA without gpu-code.
    """
    if accelerator not in PLATFORMS.get((os, arch), ()):
        wanted = "/".join(filter(None, (os, arch, accelerator)))
        raise TargetError(f"TargetPlatform {wanted} does not exist; supported are {', '.join(names())}")
    name = "_".join(filter(None, (os, arch, accelerator)))
    row = ARCHITECTURES[os, arch]
    host = Host(row, row.default_cpu, row.default_features, api_level=DEFAULT_API_LEVEL if os == ANDROID else 0)
    check = _CHECKS.get((os, arch), _BIONIC)
    if accelerator in _GPUS:
        return TargetSpec(name, host, _GPUS[accelerator], check=opencl.CHECK, source=_DOC)
    if accelerator == "NVIDIA":
        return _nvidia(TargetSpec(name, host, check=check, source=_DOC), row, options)
    lacks = ("the neural network accelerator (NNA): the model runs on the CPU",) if accelerator else ()
    return TargetSpec(name, host, check=check, source=_DOC, not_compiled=lacks)


def _nvidia(cpu: TargetSpec, arch: Architecture, options: dict[str, object]) -> TargetSpec:
    """NVIDIA needs gpu-code, with one exception.

    The OutputConfig page's own example "m5.2xlarge: LINUX/X86_64/NVIDIA with {'mcpu': 'skylake-avx512'}" has none, and
    that machine has no GPU: it gets CPU code.
    """
    if "gpu-code" in options:
        device = Cuda(str(options["gpu-code"]))
        return TargetSpec(
            cpu.name, cpu.host, device, check=nvidia.CHECK, source=cpu.source, not_compiled=nvidia.NO_TENSORRT
        )
    if arch.name == _X86_64 and "mcpu" in options and options.keys() <= {"mcpu", "mattr", "dtype"}:
        lacks = ("GPU code: CompilerOptions names no gpu-code",)
        return TargetSpec(cpu.name, cpu.host, check=cpu.check, source=cpu.source, not_compiled=lacks)
    raise TargetError("the accelerator NVIDIA needs CompilerOptions with gpu-code, for example {'gpu-code': 'sm_72'}")
