"""What users set at run time to test their own code: how long states last, and which jobs fail.

Both live in Redis, so that every worker obeys, and are forgotten with the jobs (`Store.clear`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from neo_compiler.errors import FAILURE_REASON_MAX_CHARS
from neo_workers.store.store import Store

PACE, FAULTS = "neo:pace", "neo:faults"  # as in lua/_prelude.lua
DEFAULT_REASON = (
    "ServerError: There was an internal server error during the compilation job, please try again in a few minutes or "
    "contact amazon-neo-feedback@amazon.com to get support for this compilation job."
)
"""Source: aws/amazon-sagemaker-examples#1284."""

_GLOB = re.compile(r"[A-Za-z0-9*?-]{1,63}")


@dataclass(frozen=True)
class Pace:
    """How long a job is held in a state at least."""

    min_starting_seconds: float
    min_run_seconds: float  # INPROGRESS


@dataclass(frozen=True)
class Fault:
    """The next `count` jobs created with a name like `name` FAIL with `reason` and are not compiled."""

    reason: str = DEFAULT_REASON
    name: str = "*"  # "*" stands for any letters, "?" for one
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= len(self.reason) <= FAILURE_REASON_MAX_CHARS:
            raise ValueError(f"reason must have 1 to {FAILURE_REASON_MAX_CHARS} characters")
        if not _GLOB.fullmatch(self.name):
            raise ValueError("name must be letters, digits, '-', '*' and '?', 1 to 63 of them")
        if not 1 <= self.count <= 1_000_000:
            raise ValueError("count must be 1 to 1000000")


class Controls:
    """Pace and planned faults of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pace(self) -> Pace:
        """What holds now: what was set at run time, else the settings."""
        return self._pace(dict(self._store.connection.hgetall(PACE)))  # type: ignore[arg-type]

    def set_pace(self, **seconds: float) -> Pace:
        """Changes `min_starting_seconds`, `min_run_seconds` or both, for jobs under way too; what holds then."""
        flat: list[object] = []
        for name, value in seconds.items():
            flat += [name.removesuffix("_seconds") + "_ms", int(value * 1000)]
        values = self._store.run("pace", *flat)
        return self._pace(dict(zip(values[::2], values[1::2], strict=True)))

    def _pace(self, milliseconds: dict[str, str]) -> Pace:
        settings = self._store.settings
        starting, run = (milliseconds.get(f"min_{state}_ms") for state in ("starting", "run"))
        return Pace(
            settings.min_starting_seconds if starting is None else int(starting) / 1000,
            settings.min_run_seconds if run is None else int(run) / 1000,
        )

    def faults(self) -> list[Fault]:
        """Those that are still to come, in the order in which they are tried."""
        rows = (json.loads(str(text)) for text in self._store.connection.lrange(FAULTS, 0, -1))
        return [Fault(row["reason"], row["name"], int(row["count"])) for row in rows]

    def add_fault(self, fault: Fault) -> None:
        """Plans a fault behind those that there are."""
        row = {"reason": fault.reason, "name": fault.name, "count": fault.count, "pattern": lua_pattern(fault.name)}
        self._store.connection.rpush(FAULTS, json.dumps(row))

    def clear_faults(self) -> None:
        """Plans none any more."""
        self._store.connection.delete(FAULTS)


def lua_pattern(glob: str) -> str:
    """A glob over job names as a pattern for Lua's string.find."""
    return "^" + glob.replace("-", "%-").replace("*", ".*").replace("?", ".") + "$"
