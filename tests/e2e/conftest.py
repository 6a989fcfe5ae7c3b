"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e.emulation import build_harness, require
from e2e.models import CASES, Case
from support.kept import Kept


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]()


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the harness of an architecture, built once; skips the test when it could not run."""
    built: dict[str, Path] = {}

    def get(arch: str) -> Path:
        machine = require(arch)
        if arch not in built:
            built[arch] = build_harness(machine, tmp_path_factory.mktemp(arch))
        return built[arch]

    return get


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A server with a data folder, which a test may kill and start again."""
    emulator = Kept(tmp_path / "data", workers=1).start()
    yield emulator
    emulator.stop()
