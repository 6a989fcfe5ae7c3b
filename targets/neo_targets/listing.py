"""The registry as a table: for `neo-emulator targets`, the dashboard, docs/reference and `make test-targets`."""

from __future__ import annotations

from collections.abc import Iterator

from neo_targets import platforms, registry
from neo_targets.spec import Cuda, TargetSpec

EXAMPLE_GPU_CODE = "sm_72"
"""The table's text for a TargetPlatform with NVIDIA, whose GPU code depends on CompilerOptions."""

COLUMNS = ("name", "kind", "os", "arch", "triple", "cpu", "accelerator", "artifact", "check", "lacks", "source")
_PLATFORM_NAMES = {name.replace("/", "_"): name for name in platforms.names()}


def specs() -> Iterator[tuple[str, TargetSpec]]:
    """All TargetDevices, then all TargetPlatforms, each with the name of its kind."""
    for _, device in sorted(registry.DEVICES.items()):
        yield "TargetDevice", device
    for os, arch in sorted(platforms.PLATFORMS):
        for accelerator in platforms.PLATFORMS[os, arch]:
            yield "TargetPlatform", platforms.platform(os, arch, accelerator, {"gpu-code": EXAMPLE_GPU_CODE})


def row(kind: str, spec: TargetSpec) -> dict[str, str]:
    """One target as text by COLUMNS."""
    features = "".join(f" {feature}" for feature in spec.host.features)
    return {
        "name": _PLATFORM_NAMES.get(spec.name, spec.name),
        "kind": kind,
        "os": spec.os,
        "arch": spec.arch,
        "triple": spec.host.llvm_triple,
        "cpu": spec.host.cpu + features,
        "accelerator": _accelerator(kind, spec),
        "artifact": _artifact(spec),
        "check": spec.check,
        "lacks": "; ".join(spec.not_compiled),
        "source": spec.source,
    }


def rows() -> list[dict[str, str]]:
    """All rows of the table."""
    return [row(kind, spec) for kind, spec in specs()]


def _accelerator(kind: str, spec: TargetSpec) -> str:
    if isinstance(spec.device, Cuda):
        return f"NVIDIA, {spec.device.arch if kind == 'TargetDevice' else 'gpu-code'}"
    return spec.device.label if spec.device else ""


def _artifact(spec: TargetSpec) -> str:
    if spec.no_compiler:
        return "none: the job FAILS"
    if spec.coreml:
        return f"{spec.library}, coremltools"
    form = "" if spec.device is None else " with a cubin" if isinstance(spec.device, Cuda) else " with OpenCL C"
    return f"{spec.library}{form}, {'lld-link' if spec.host.windows else 'ld.lld'}"
