"""HTML from the templates. Every value is escaped where it stands, whatever a job's texts hold."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader

from neo_emulator import __version__
from neo_emulator.commands.output import size
from neo_workers.errors import TROUBLESHOOTING


def render(template: str, values: dict[str, Any]) -> str:
    """The page that `template` makes of `values`."""
    return _environment().get_template(template).render(values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("neo_emulator.dashboard"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["version"] = __version__
    made.filters |= {"size": size, "seconds": seconds, "clock": clock, "whole": whole, "reason": reason}
    return made


def seconds(value: float) -> str:
    """A duration for people: "0.31 s", "4 min 5 s"."""
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def whole(value: float) -> str:
    """A duration known to the second, for people."""
    return "< 1 s" if value < 1 else f"{value:.0f} s" if value < 60 else seconds(value)


def clock(milliseconds: int) -> str:
    """The time of day in UTC, to the millisecond."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]


def reason(text: str) -> str:
    """A FailureReason without the link that AWS ends it with."""
    return text.removesuffix(TROUBLESHOOTING)
