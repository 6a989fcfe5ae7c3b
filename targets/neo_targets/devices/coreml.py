"""Core ML: not machine code, but a model that Apple's compiler compiles on the device."""

from __future__ import annotations

from neo_targets.architectures import APPLE_ARM64
from neo_targets.spec import Host, TargetSpec

DEVICES: tuple[TargetSpec, ...] = (
    TargetSpec(
        "coreml",
        Host(APPLE_ARM64, APPLE_ARM64.default_cpu),
        check="coremltools loads the specification; not run: Core ML exists on macOS and iOS only",
        source="API_OutputConfig, CoreML; coremltools",
        family="coreml",
    ),
)
