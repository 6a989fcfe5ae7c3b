"""Fixtures for users' tests: one emulator for the test session and boto3 clients on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from neo_emulator.process import ServerProcess


@pytest.fixture(scope="session")
def neo_server() -> Iterator[ServerProcess]:
    """A running emulator of this test process's own; `neo_server.url` is its endpoint."""
    from neo_emulator.process import ServerProcess

    with ServerProcess() as server:
        yield server


@pytest.fixture
def neo_client(neo_server: ServerProcess) -> Any:
    """boto3's "sagemaker" client on `neo_server`."""
    return neo_server.client("sagemaker")


@pytest.fixture
def neo_s3(neo_server: ServerProcess) -> Any:
    """boto3's "s3" client on `neo_server`."""
    return neo_server.client("s3")
