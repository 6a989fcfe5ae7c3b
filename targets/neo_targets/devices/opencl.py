"""Boards and phones with OpenCL C kernels for the GPU and host code for the CPU."""

from __future__ import annotations

from neo_targets.architectures import ANDROID_ARM64, ARM64, ARM_EABIHF, X86_64
from neo_targets.spec import Host, OpenCl, TargetSpec

_EDGE = "neo-supported-devices-edge-devices"
CHECK = "every kernel built by pocl, and run by it against onnxruntime; the host code's ELF header"

MALI = OpenCl("mali", "MALI")
INTEL_GRAPHICS = OpenCl("intel_graphics", "INTEL_GRAPHICS")
ADRENO = OpenCl("adreno", "ADRENO")

_RK3399 = Host(ARM64, "cortex-a72", ("+neon",))
_QCS60X = Host(ANDROID_ARM64, "cortex-a75", ("+neon",), api_level=27)
_QCS_SOURCE = f"{_EDGE}: Android, ARM64, {{'ANDROID_PLATFORM': 27}}, Mali; the chip's GPU is an Adreno 615"


def _row(name: str, host: Host, device: OpenCl, source: str) -> TargetSpec:
    return TargetSpec(name, host, device, check=CHECK, source=source)


DEVICES = (
    _row("deeplens", Host(X86_64, "goldmont"), INTEL_GRAPHICS, f"{_EDGE}: Intel Atom, X86_64, Intel Graphics"),
    _row("rk3399", _RK3399, MALI, f"{_EDGE}: ARM64, Mali; TVM's tag arm/rk3399"),
    _row("aisage", _RK3399, MALI, f"{_EDGE}: ARM64, Mali (Acer aiSage has an RK3399)"),
    _row("rk3288", Host(ARM_EABIHF, "cortex-a17", ("+neon",)), MALI, f"{_EDGE}: ARM_EABIHF, Mali"),
    _row("qcs605", _QCS60X, ADRENO, _QCS_SOURCE),
    _row("qcs603", _QCS60X, ADRENO, _QCS_SOURCE),
)
