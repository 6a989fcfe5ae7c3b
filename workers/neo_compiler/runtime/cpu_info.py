"""Reads /proc/cpuinfo."""

from __future__ import annotations

from pathlib import Path


def values(*keys: str) -> list[str]:
    """The values of these keys in /proc/cpuinfo, one per CPU; [] without that file."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = (line.partition(":") for line in text.splitlines())
    return [value.strip() for key, _, value in lines if key.strip() in keys]
