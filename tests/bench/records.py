"""Results on disk, run by run, beside facts about the machine; and their mean."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """{"machine": ..., "runs": {name: ...}}, without runs when there is no file yet."""
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    return kept


def write(path: Path, kept: dict[str, Any]) -> None:
    """The inverse of `read`; the same results give the same file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def geometric_mean(ratios: Iterable[float]) -> float:
    """Of at least one ratio."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logarithms) / len(logarithms))
