"""Boards and EC2 instances with an Arm CPU, without code for an accelerator."""

from __future__ import annotations

from neo_targets.architectures import ARM64, ARM_EABIHF, Architecture
from neo_targets.spec import Host, TargetSpec

_EDGE = "neo-supported-devices-edge-devices"
_QEMU = "run under qemu-user against onnxruntime"


def _row(
    name: str, arch: Architecture, cpu: str, source: str, triple: str = "", not_compiled: tuple[str, ...] = ()
) -> TargetSpec:
    host = Host(arch, cpu, ("+neon",), triple)
    return TargetSpec(name, host, check=_QEMU, source=source, not_compiled=not_compiled)


DEVICES = (
    _row("ml_c6g", ARM64, "neoverse-n1", "EC2 instance types: Graviton2 is Neoverse N1"),
    _row("ml_m6g", ARM64, "neoverse-n1", "EC2 instance types: Graviton2 is Neoverse N1"),
    _row("imx8qm", ARM64, "cortex-a72", f"{_EDGE}: ARM64 (i.MX 8QuadMax: A72 + A53)"),
    _row(
        "rasp3b",
        ARM_EABIHF,
        "cortex-a53",
        f"{_EDGE}: ARM_EABIHF {{'mattr': ['+neon']}}; TVM's tag arm/rasp3b",
    ),
    _row(
        "rasp4b",
        ARM_EABIHF,
        "cortex-a72",
        "TVM's tag arm/rasp4b (32-bit OS)",
        triple="armv8l-linux-gnueabihf",
    ),
    _row(
        "sitara_am57x",
        ARM_EABIHF,
        "cortex-a15",
        f"{_EDGE} prints ARM64, but AM57x is a 32-bit Cortex-A15; TVM's tag arm/beagleai",
        not_compiled=("TI EVE and DSP (TIDL): the model runs on the CPU",),
    ),
    _row(
        "imx8mplus",
        ARM64,
        "cortex-a53",
        f"{_EDGE}: ARM64",
        not_compiled=("NXP NPU (TIM-VX): the model runs on the CPU",),
    ),
    _row(
        "jacinto_tda4vm",
        ARM64,
        "cortex-a72",
        f"{_EDGE}: ARM",
        not_compiled=("TI C7x and MMA (TIDL): the model runs on the CPU",),
    ),
    *(
        _row(
            name,
            ARM64,
            "cortex-a53",
            f"{_EDGE}: cvflow, ARM64; the SoC's CPU is a Cortex-A53 (Ambarella's product pages)",
            not_compiled=("Ambarella CVflow (amba_config.json and calibration data): the model runs on the CPU",),
        )
        for name in ("amba_cv2", "amba_cv22", "amba_cv25")
    ),
)
