"""What all transform jobs of a worker share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path

from neo_workers.hosting.served_variant import MakeTwin
from neo_workers.transform.jobs import TransformId
from neo_workers.transform.store import TransformStore


@dataclass(frozen=True)
class Surroundings:
    """What all runs of a worker share."""

    store: TransformStore
    context: BaseContext  # starts processes
    make_twin: MakeTwin
    folder: Path
    add_line: Callable[[TransformId, str, str], None]  # one line into a stream of the log
