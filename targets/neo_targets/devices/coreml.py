"""Core ML: not machine code, but a model that Apple's own compiler finishes on the device."""

from __future__ import annotations

from neo_targets.architectures import ARM64
from neo_targets.spec import Host, TargetSpec

DEVICES: tuple[TargetSpec, ...] = (
    TargetSpec(
        "coreml",
        Host(ARM64, ARM64.default_cpu),
        check="not available",
        source="API_OutputConfig, CoreML",
        family="coreml",
        no_compiler="Core ML models are not made in this version",
    ),
)
