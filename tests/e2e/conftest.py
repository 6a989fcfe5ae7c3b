"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.models import CASES, Case
from support.kept import Kept


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A server with a data folder, which a test may kill and start again; TVM is loaded with its first job."""
    emulator = Kept(tmp_path / "data", workers=1, prefork=False).start()
    yield emulator
    emulator.stop()
