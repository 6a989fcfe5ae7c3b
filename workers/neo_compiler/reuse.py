"""What need not be made again: a job's key in the cache, and the folder that the cache and tuning keep things in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from neo_compiler import cache
from neo_targets import options
from neo_workers.settings import Settings

if TYPE_CHECKING:
    from neo_compiler.compilation import Work


def folder(settings: Settings) -> Path | None:
    """The folder of what outlasts a job, None for nothing."""
    return settings.cache_dir or (settings.data_dir / "cache" if settings.data_dir else None)


def opened(settings: Settings, say: Callable[[str], None]) -> cache.Cache | None:
    """The cache, None where there is none."""
    place = folder(settings)
    if not settings.cache or place is None:
        return None
    try:
        return cache.Cache(place, settings.cache_max_bytes)
    except OSError as error:
        say(f"no cache: {error}")
        return None


def key(work: Work) -> str:
    """What the artifact hangs on: the model, what is asked for, what compiles it, and what tuning found.

    Tuning makes it another one while the job runs: asked after the compile it is that of the artifact that was made.
    """
    if not work.source_key:
        source, target = work.request["InputConfig"], work.request["OutputConfig"]
        asked = [_normal(source.get("DataInputConfig")), _normal(target.get("CompilerOptions"))]
        checked = work.context.settings.self_check
        facts = [source["Framework"], source.get("FrameworkVersion"), asked, asdict(work.spec), checked]
        work.source_key = cache.key_of(work.model_archive, facts)
    if work.imported is None:  # nothing is made yet: other jobs may have tuned meanwhile
        work.tuning.database.read()
    return cache.key_with(work.source_key, work.tuning.facts())


def _normal(text: str | None) -> str | None:
    """What the text spells, without its blanks and kind of quotes; the text itself when that is no JSON."""
    try:
        return None if text is None else json.dumps(options.literal(text))
    except (ValueError, TypeError, RecursionError):
        return text
