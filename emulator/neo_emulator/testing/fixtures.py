"""Creates pytest fixtures like the plugin's own, for emulators with other settings.

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

from neo_emulator.testing import deploying
from neo_emulator.testing.endpoint import REGION, Endpoint
from neo_emulator.testing.server_process import ServerProcess

Fixture = Any
"""What pytest.fixture returns; assign it to a name in conftest.py or a test module."""

WAIT = Callable[..., dict[str, Any]]


class Attached(Endpoint):
    """An emulator started elsewhere and possibly shared: tests do not reset it but use separate accounts."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.control("health")

    def in_account_of(self, test: str) -> Endpoint:
        """The same emulator in a new account, used only by this run of `test`."""
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
    """A session fixture: a ServerProcess with these NEO_EMULATOR_* settings (names in lower case), one per process."""

    @pytest.fixture(scope="session")
    def neo_server() -> Iterator[ServerProcess]:
        """A running emulator, one per test process; `neo_server.url` is its endpoint."""
        given: dict[str, Any] = {"workers": _workers(), **settings}
        with ServerProcess(**given) as process:
            yield process

    return neo_server


def server_noproc(url: str | None = None) -> Fixture:
    """A session fixture: the emulator that runs at `url`, by default that of --neo-url."""

    @pytest.fixture(scope="session")
    def neo_server_noproc(pytestconfig: pytest.Config) -> Attached:
        """The running emulator at --neo-url (or neo_url in pytest's configuration)."""
        address = url or configured_url(pytestconfig)
        if not address:
            raise pytest.UsageError("neo_server_noproc needs an emulator: pytest --neo-url http://127.0.0.1:4577")
        try:
            return Attached(address)
        except (OSError, ValueError) as error:
            raise pytest.UsageError(f"no emulator responds at {address}: {error}") from error

    return neo_server_noproc


def clean(server: str | None = None) -> Fixture:
    """A fixture: the emulator of the fixture named `server`, empty.

    By default that of `neo_server_noproc` if pytest was given --neo-url, else of `neo_server`.
    """

    @pytest.fixture
    def neo(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
        """The emulator, with no jobs and no buckets at the start of each test."""
        name = server or ("neo_server_noproc" if configured_url(request.config) else "neo_server")
        found = request.getfixturevalue(name)
        if isinstance(found, Attached):
            yield found.in_account_of(request.node.nodeid)
            return
        found.reset()  # in case a test that used the server directly left something
        yield found
        found.reset()  # stops running compilations

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
        """The name of an empty bucket, created for this test."""
        found: Endpoint = request.getfixturevalue(emulator)
        return found.bucket()

    return neo_bucket


def wait(emulator: str = "neo") -> Fixture:
    """A fixture: `wait` of the emulator of the fixture named `emulator`."""

    @pytest.fixture
    def neo_wait(request: pytest.FixtureRequest) -> WAIT:
        """`neo_wait("my-job")` waits until the job is COMPLETED and returns its description; raises JobEnded."""
        found: Endpoint = request.getfixturevalue(emulator)
        return found.wait

    return neo_wait


def deployed(emulator: str = "neo") -> Fixture:
    """A fixture: `deploy` of deploying.py on the emulator of the fixture named `emulator`."""

    @pytest.fixture
    def neo_endpoint(request: pytest.FixtureRequest) -> Callable[..., str]:
        """`neo_endpoint("my-job")`: the name of an InService endpoint of the job's artifact (or of an S3 URI)."""
        found: Endpoint = request.getfixturevalue(emulator)

        def make(source: str, name: str = "") -> str:
            return deploying.deploy(found.sagemaker, source, name)

        return make

    return neo_endpoint


def configured_url(config: pytest.Config) -> str:
    """The URL of --neo-url or of `neo_url` in pytest's configuration, "" if not given."""
    return str(config.getoption("neo_url", None) or config.getini("neo_url") or "")


@cache
def _workers() -> int:
    """Number of parallel jobs: this machine's cores divided by the processes of pytest-xdist."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, (os.cpu_count() or 1) // processes)
