"""Makes pytest fixtures like the plugin's own, for emulators with other settings.

# conftest.py
from neo_emulator import factories

slow_server = factories.server(min_run_seconds=5)   # session: a process
slow = factories.clean("slow_server")               # per test: the same emulator, empty
slow_client = factories.client("sagemaker", "slow") # per test: a boto3 client on it
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from neo_emulator.testing.endpoint import REGION, Endpoint
from neo_emulator.testing.server_process import ServerProcess

Fixture = Any
"""What pytest.fixture gives back; bind it to a name in conftest.py or a test module."""

WAIT = Callable[..., dict[str, Any]]


class Attached(Endpoint):
    """An emulator that someone else runs, and may share: tests do not reset it but work in accounts of their own."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.control("health")

    def in_account_of(self, test: str) -> Endpoint:
        """The same emulator in a new account, which belongs to this run of `test` alone."""
        number = int(hashlib.sha256(os.urandom(16) + test.encode()).hexdigest(), 16)
        role = f"arn:aws:iam::{10**11 + number % 10**11}:role/neo-test"
        keys = self.client("sts").assume_role(RoleArn=role, RoleSessionName="neo-test")["Credentials"]
        return Endpoint(
            self.url,
            {
                "aws_access_key_id": keys["AccessKeyId"],
                "aws_secret_access_key": keys["SecretAccessKey"],
                "aws_session_token": keys["SessionToken"],
            },
        )


def server(**settings: object) -> Fixture:
    """A session fixture: a ServerProcess with these NEO_EMULATOR_* settings, names in lower case. One per process."""

    @pytest.fixture(scope="session")
    def neo_server() -> Iterator[ServerProcess]:
        """A running emulator of this test process's own; `neo_server.url` is its endpoint."""
        given: dict[str, Any] = {"workers": _workers(), **settings}
        with ServerProcess(**given) as process:
            yield process

    return neo_server


def server_noproc(url: str | None = None) -> Fixture:
    """A session fixture: the emulator that runs at `url`, by default that of --neo-url."""

    @pytest.fixture(scope="session")
    def neo_server_noproc(pytestconfig: pytest.Config) -> Attached:
        """The emulator that someone else runs at --neo-url (or neo_url in pytest's configuration)."""
        address = url or configured_url(pytestconfig)
        if not address:
            raise pytest.UsageError("neo_server_noproc needs an emulator: pytest --neo-url http://127.0.0.1:4577")
        try:
            return Attached(address)
        except (OSError, ValueError) as error:
            raise pytest.UsageError(f"no emulator answers at {address}: {error}") from error

    return neo_server_noproc


def clean(server: str | None = None) -> Fixture:
    """A fixture: the emulator of the fixture named `server`, with nothing in it.

    By default that of `neo_server_noproc` where pytest was given --neo-url, else of `neo_server`.
    """

    @pytest.fixture
    def neo(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
        """The emulator, with no jobs and no buckets at the start of each test."""
        name = server or ("neo_server_noproc" if configured_url(request.config) else "neo_server")
        found = request.getfixturevalue(name)
        if isinstance(found, Attached):
            yield found.in_account_of(request.node.nodeid)
            return
        found.reset()  # a test that used the server itself may have left something
        yield found
        found.reset()  # ends what still compiles

    return neo


def client(service: str, emulator: str = "neo", region: str = REGION) -> Fixture:
    """A fixture: boto3's client for `service` on the emulator of the fixture named `emulator`."""

    @pytest.fixture
    def neo_client(request: pytest.FixtureRequest) -> Any:
        found: Endpoint = request.getfixturevalue(emulator)
        return found.client(service, region)

    return neo_client


def bucket(emulator: str = "neo") -> Fixture:
    """A fixture: the name of a new bucket on the emulator of the fixture named `emulator`."""

    @pytest.fixture
    def neo_bucket(request: pytest.FixtureRequest) -> str:
        """The name of an empty bucket of this test's own."""
        found: Endpoint = request.getfixturevalue(emulator)
        return found.bucket()

    return neo_bucket


def wait(emulator: str = "neo") -> Fixture:
    """A fixture: `wait` of the emulator of the fixture named `emulator`."""

    @pytest.fixture
    def neo_wait(request: pytest.FixtureRequest) -> WAIT:
        """`neo_wait("my-job")`: the job's description once it is COMPLETED; JobEnded when it ends otherwise."""
        found: Endpoint = request.getfixturevalue(emulator)
        return found.wait

    return neo_wait


def configured_url(config: pytest.Config) -> str:
    """The URL of --neo-url or of `neo_url` in pytest's configuration, "" for none."""
    return str(config.getoption("neo_url", None) or config.getini("neo_url") or "")


@cache
def _workers() -> int:
    """Jobs at the same time: this machine's cores, shared between the processes of pytest-xdist."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, (os.cpu_count() or 1) // processes)
