"""Fixtures of the runtime's tests."""

from __future__ import annotations

import pytest
from runtime.artifacts import Artifacts


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    return Artifacts(tmp_path_factory.mktemp("artifacts"))
