"""Controls that users set at run time to test their own code: minimum state durations and simulated failures.

Both are in Redis, so that they apply to every worker, and are deleted together with the jobs (`Store.clear`).
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
    """Minimum time that a job stays in a state, in seconds."""

    min_starting_seconds: float
    min_run_seconds: float  # INPROGRESS


@dataclass(frozen=True)
class Fault:
    """The next `count` jobs created with a name that matches `name` FAIL with `reason` and are not compiled."""

    reason: str = DEFAULT_REASON
    name: str = "*"  # "*" matches any characters, "?" one
    count: int = 1

    def __post_init__(self) -> None:
        if not 1 <= len(self.reason) <= FAILURE_REASON_MAX_CHARS:
            raise ValueError(f"reason must have 1 to {FAILURE_REASON_MAX_CHARS} characters")
        if not _GLOB.fullmatch(self.name):
            raise ValueError("name must have 1 to 63 characters: letters, digits, '-', '*' and '?'")
        if not 1 <= self.count <= 1_000_000:
            raise ValueError("count must be 1 to 1000000")


class Controls:
    """The controls of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pace(self) -> Pace:
        """The current pace: what was set at run time, else the settings."""
        return self._pace(dict(self._store.connection.hgetall(PACE)))  # type: ignore[arg-type]

    def set_pace(self, **seconds: float) -> Pace:
        """Changes `min_starting_seconds`, `min_run_seconds` or both, also for running jobs. Returns the new pace."""
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
        """The remaining faults, in the order in which they are matched."""
        rows = (json.loads(str(text)) for text in self._store.connection.lrange(FAULTS, 0, -1))
        return [Fault(row["reason"], row["name"], int(row["count"])) for row in rows]

    def add_fault(self, fault: Fault) -> None:
        """Adds a fault after the existing ones."""
        row = {"reason": fault.reason, "name": fault.name, "count": fault.count, "pattern": lua_pattern(fault.name)}
        self._store.connection.rpush(FAULTS, json.dumps(row))

    def clear_faults(self) -> None:
        """Removes all faults."""
        self._store.connection.delete(FAULTS)


def lua_pattern(glob: str) -> str:
    """Converts a glob over job names into a pattern for Lua's string.find."""
    return "^" + glob.replace("-", "%-").replace("*", ".*").replace("?", ".") + "$"
