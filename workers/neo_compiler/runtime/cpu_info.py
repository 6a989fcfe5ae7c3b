"""What Linux says of this machine's CPUs."""

from __future__ import annotations

from pathlib import Path


def values(*keys: str) -> list[str]:
    """What /proc/cpuinfo has under these keys, one for each CPU; [] where there is no such file."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = (line.partition(":") for line in text.splitlines())
    return [value.strip() for key, _, value in lines if key.strip() in keys]
