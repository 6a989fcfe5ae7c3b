"""Errors in a request's target or options. The pipeline turns them into the job's FailureReason."""

from __future__ import annotations


class TargetError(ValueError):
    """An unknown or impossible device, platform or option; the text lists the alternatives."""
