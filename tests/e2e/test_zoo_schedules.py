"""The networks that tests.bench.speed measures, lowered: each kernel has a schedule, no pass refuses any."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.zoo import MODELS
from unit.neo_workers.cpu.modules import lower

from neo_workers import importers


@pytest.mark.parametrize("name", MODELS)
def test_every_kernel_has_a_schedule(name: str, tmp_path: Path) -> None:
    case = MODELS[name]()
    path = tmp_path / case.file
    path.write_bytes(case.model)
    lowered = lower(importers.loader(case.framework)([path], case.shapes).module)
    assert (lowered.level, lowered.refused, lowered.unscheduled) == ("fast", {}, {})
