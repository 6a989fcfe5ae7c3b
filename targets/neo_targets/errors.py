"""What a caller may get wrong about a target. The pipeline turns each into the job's FailureReason."""

from __future__ import annotations


class TargetError(ValueError):
    """Names a device, platform or option that cannot be compiled for, and what could be used instead."""
