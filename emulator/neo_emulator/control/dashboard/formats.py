"""Formats sizes and durations for the pages and the command's tables."""

from __future__ import annotations


def size(count: int) -> str:
    """A number of bytes as text, such as "35.9 kB"."""
    number = float(count)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def seconds(value: float) -> str:
    """A duration in seconds as text, such as "0.31 s" or "4 min 5 s"."""
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def whole(value: float) -> str:
    """A duration known to the second, for people."""
    return "< 1 s" if value < 1 else f"{value:.0f} s" if value < 60 else seconds(value)
