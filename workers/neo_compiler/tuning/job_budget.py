"""Tuning as a job sees it: whether it is to be done here, for how long, and what of it shapes the artifact."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neo_compiler.artifact.bundle import target_meta
from neo_compiler.errors import CompilationError
from neo_compiler.settings import CompilerSettings
from neo_compiler.tuning.database import Database
from neo_compiler.tvm_import import load_tvm
from neo_targets.spec import TargetSpec

if TYPE_CHECKING:
    from neo_compiler.lowering.cpu.tile_selection import Product

RESERVE_SECONDS, RESERVE_TIMES = 10.0, 3.0
"""Time of MaxRuntimeInSeconds reserved for the rest of the job: seconds, plus a multiple of the time so far."""


class Tuning:
    """The tuning of one job."""

    def __init__(self, settings: CompilerSettings, spec: TargetSpec, max_runtime_seconds: float | None) -> None:
        self.database = Database(settings.cache_folder, spec)
        self.database.read()
        self._seconds, self._spec, self._max_runtime = settings.tune_seconds, spec, max_runtime_seconds
        self._begun = time.monotonic()
        self.complete: bool | None = None  # whether all worthwhile products were tried; None before tuning

    def facts(self) -> list[str]:
        """What the artifact depends on: the tuned tiles, and whether tuning is complete. [] without tuning.

        An artifact counts as tuned only if nothing was left to try: an equal job continues where this one ended.
        """
        tuned = self._wanted if self.complete is None else self.complete
        digest = self.database.digest
        return [digest, "tuned" if tuned else ""] if digest or tuned else []

    def improve(self, target: Any, asked: Counter[Product], folder: Path, say: Callable[[str], None]) -> bool:
        """Tunes the products of a lowered model. Returns whether it must be lowered again.

        `target` is tvm's; `folder` is for trials; `say` is called with lines for the job's log.
        """
        if self._seconds <= 0:
            return False
        now = time.monotonic()
        deadline = ends(now, self._seconds, self._begun, self._max_runtime)
        reason = self.obstacle or ("MaxRuntimeInSeconds leaves no time for it" if deadline <= now else None)
        if reason:
            self.complete = False
            say(f"tuning is skipped: {reason}")
            return False
        from neo_compiler.tuning.tuner import Tuner

        outcome = Tuner(self._spec, target, self.database, folder, say).run(asked, deadline)
        self.complete = outcome.complete
        return outcome.won > 0

    @property
    def _wanted(self) -> bool:
        return self._seconds > 0 and self.obstacle is None

    @cached_property
    def obstacle(self) -> str | None:
        """Why this machine cannot run the target's code, None if it can. Imports tvm."""
        if self._spec.coreml:
            return f"{self._spec.name} is compiled by Apple's compiler"
        load_tvm()
        from neo_compiler.lowering.targets import cpu_flags, tvm_target
        from neo_compiler.runtime import execute

        try:
            tvm_target(self._spec)
        except CompilationError as error:  # compiling will raise it, too
            return str(error)
        target = target_meta(self._spec, cpu_flags(self._spec))
        return execute.target_obstacle(target, platform.machine(), execute.this_cpu_flags())


def ends(now: float, seconds: float, begun: float, max_runtime: float | None) -> float:
    """When tuning must end: after `seconds`, and early enough for the rest of the job. Times of one clock."""
    if max_runtime is None:
        return now + seconds
    return min(now + seconds, begun + max_runtime - RESERVE_SECONDS - RESERVE_TIMES * (now - begun))
