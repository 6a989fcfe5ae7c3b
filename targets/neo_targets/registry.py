"""Resolves the target of a CreateCompilationJob request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neo_targets import options, platforms
from neo_targets.devices import arm, coreml, no_public_compiler, nvidia, opencl, x86
from neo_targets.errors import TargetError
from neo_targets.spec import TargetSpec

_ROWS = (*x86.DEVICES, *arm.DEVICES, *nvidia.DEVICES, *opencl.DEVICES, *no_public_compiler.DEVICES, *coreml.DEVICES)
DEVICES: dict[str, TargetSpec] = {row.name: row for row in _ROWS}
"""All TargetDevices by name."""


def target_name(output_config: Mapping[str, Any]) -> str:
    """The target's name in the artifact's file name: "ml_c5" or "LINUX_ARM64_NVIDIA"."""
    if device := output_config.get("TargetDevice"):
        return str(device)
    parts = output_config.get("TargetPlatform") or {}
    return "_".join(filter(None, (parts.get("Os"), parts.get("Arch"), parts.get("Accelerator"))))


def resolve(output_config: Mapping[str, Any]) -> TargetSpec:
    """The target of an OutputConfig, with its CompilerOptions applied.

    Raises TargetError for an unknown target, an unknown option or an invalid combination, with the alternatives.
    """
    chosen = options.parse(output_config.get("CompilerOptions"))
    if device := output_config.get("TargetDevice"):
        if device not in DEVICES:
            raise TargetError(f"TargetDevice {device} does not exist; supported are {', '.join(sorted(DEVICES))}")
        return options.apply(DEVICES[device], chosen)
    wanted = output_config.get("TargetPlatform")
    if not wanted:
        raise TargetError("OutputConfig has neither TargetDevice nor TargetPlatform")
    given = chosen if isinstance(chosen, dict) else {}
    spec = platforms.platform(wanted.get("Os", ""), wanted.get("Arch", ""), wanted.get("Accelerator") or "", given)
    return options.apply(spec, chosen)
