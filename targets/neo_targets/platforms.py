"""TargetPlatform: which Os, Arch and Accelerator go together, and the target they give before options.

Source: the support matrix of neo-supported-devices-edge-devices in AWS's developer guide.
"""

from __future__ import annotations

from neo_targets.errors import TargetError
from neo_targets.spec import ARCHITECTURES, ARM64, ARM_EABI, ARM_EABIHF, X86, X86_64, Cuda, Host, TargetSpec

_DOC = "neo-supported-devices-edge-devices, support matrix"

PLATFORMS: dict[tuple[str, str], frozenset[str]] = {
    ("LINUX", X86_64.name): frozenset({"", "NVIDIA"}),
    ("LINUX", X86.name): frozenset({""}),
    ("LINUX", ARM64.name): frozenset({"", "NVIDIA"}),
    ("LINUX", ARM_EABI.name): frozenset({""}),
    ("LINUX", ARM_EABIHF.name): frozenset({""}),
}
"""(Os, Arch) -> accelerators that compile today; "" is the CPU alone."""


def names() -> list[str]:
    """Every platform there is, as "LINUX/ARM64/NVIDIA", sorted."""
    return sorted("/".join(filter(None, (*key, acc))) for key, accs in PLATFORMS.items() for acc in accs)


def platform(os: str, arch: str, accelerator: str, options: dict[str, object]) -> TargetSpec:
    """The target of one TargetPlatform; `options` are parsed CompilerOptions.

    NVIDIA needs gpu-code. The developer guide's own example "m5.2xlarge: LINUX/X86_64/NVIDIA with
    {'mcpu': 'skylake-avx512'}" has none, and no GPU: it gets CPU code.
    Raises TargetError for a combination that does not exist and for a missing gpu-code.
    """
    if accelerator not in PLATFORMS.get((os, arch), frozenset()):
        wanted = "/".join(filter(None, (os, arch, accelerator)))
        raise TargetError(f"TargetPlatform {wanted} is not available in this version; there is {', '.join(names())}")
    name = "_".join(filter(None, (os, arch, accelerator)))
    row = ARCHITECTURES[arch]
    host = Host(row, row.default_cpu, row.default_features)
    if accelerator != "NVIDIA":
        return TargetSpec(name=name, os=os, host=host, source=_DOC)
    if "gpu-code" in options:
        lacks: tuple[str, ...] = ("TensorRT: kernels are TVM's own",)
        device = Cuda(str(options["gpu-code"]))
        return TargetSpec(name=name, os=os, host=host, device=device, source=_DOC, not_compiled=lacks)
    if arch == X86_64.name and "mcpu" in options:
        lacks = ("GPU code: CompilerOptions names no gpu-code",)
        return TargetSpec(name=name, os=os, host=host, source=_DOC, not_compiled=lacks)
    raise TargetError("the accelerator NVIDIA needs CompilerOptions with gpu-code, for example {'gpu-code': 'sm_72'}")
