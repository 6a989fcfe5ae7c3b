"""Finds the target that a CreateCompilationJob request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neo_targets import options, platforms
from neo_targets.devices import arm, coreml, no_public_compiler, nvidia, opencl, x86
from neo_targets.errors import TargetError
from neo_targets.spec import TargetSpec

_ROWS = (*x86.DEVICES, *arm.DEVICES, *nvidia.DEVICES, *opencl.DEVICES, *no_public_compiler.DEVICES, *coreml.DEVICES)
DEVICES: dict[str, TargetSpec] = {row.name: row for row in _ROWS}
"""Every TargetDevice, by name."""


def target_name(output_config: Mapping[str, Any]) -> str:
    """How the artifact's file name calls the target: "ml_c5" or "LINUX_ARM64_NVIDIA"."""
    if device := output_config.get("TargetDevice"):
        return str(device)
    parts = output_config.get("TargetPlatform") or {}
    return "_".join(filter(None, (parts.get("Os"), parts.get("Arch"), parts.get("Accelerator"))))


def resolve(output_config: Mapping[str, Any]) -> TargetSpec:
    """The target of an OutputConfig, its CompilerOptions applied.

    Raises TargetError for a target or option that does not exist or does not go together, listing what there is.
    """
    chosen = options.parse(output_config.get("CompilerOptions"))
    if device := output_config.get("TargetDevice"):
        if device not in DEVICES:
            raise TargetError(f"TargetDevice {device} does not exist; there is {', '.join(sorted(DEVICES))}")
        return options.apply(DEVICES[device], chosen)
    wanted = output_config.get("TargetPlatform")
    if not wanted:
        raise TargetError("OutputConfig names neither TargetDevice nor TargetPlatform")
    given = chosen if isinstance(chosen, dict) else {}
    spec = platforms.platform(wanted.get("Os", ""), wanted.get("Arch", ""), wanted.get("Accelerator") or "", given)
    return options.apply(spec, chosen)
