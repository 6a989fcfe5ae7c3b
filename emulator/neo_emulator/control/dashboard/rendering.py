"""Renders HTML from the templates. Every value is escaped (autoescape)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader

from neo_emulator.control.dashboard.formats import seconds, size, whole
from neo_emulator.version import VERSION
from neo_workers.jobs import short_reason


def render(template: str, values: dict[str, Any]) -> str:
    """The page rendered from `template` with `values`."""
    return _environment().get_template(template).render(values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("neo_emulator.control.dashboard"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["version"] = VERSION
    made.filters |= {"size": size, "seconds": seconds, "clock": clock, "whole": whole, "reason": short_reason}
    return made


def clock(milliseconds: int) -> str:
    """The time of day in UTC, to the millisecond."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
