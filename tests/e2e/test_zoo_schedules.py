"""The networks that tests.bench.speed measures, lowered: each kernel has a schedule, no pass refuses any."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.zoo import MODELS, QUANTISED
from e2e.models import Case
from unit.neo_workers.cpu.modules import lower

from neo_workers import importers


def check(case: Case, cpu: str, folder: Path) -> None:
    path = folder / case.file
    path.write_bytes(case.model)
    lowered = lower(importers.loader(case.framework)([path], case.shapes).module, cpu)
    assert (lowered.level, lowered.refused, lowered.unscheduled) == ("fast", {}, {})


@pytest.mark.parametrize("name", MODELS)
def test_every_kernel_has_a_schedule(name: str, tmp_path: Path) -> None:
    check(MODELS[name](), "", tmp_path)


@pytest.mark.parametrize("name", ["mobilenet_v2_int8", "minilm_int8"])
def test_every_kernel_of_bytes_has_a_schedule(name: str, tmp_path: Path) -> None:
    check(QUANTISED[name](), "cascadelake", tmp_path)
