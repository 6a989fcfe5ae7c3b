"""Redis really away: killed and started again under a live API, with the clients that users have."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from redis.exceptions import RedisError
from support.live import serving
from support.waiting import GENEROUS_SECONDS, until

from neo_emulator.gateway.app import create_app
from neo_emulator.sagemaker import service
from neo_emulator.stack import valkey
from neo_workers.settings import Settings
from neo_workers.store.store import Store


class Valkey:
    """A server of this test's own, that can be killed and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "v.sock"
        self._command = valkey.command(self.socket, folder)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)
        store = Store(Settings(redis_url=f"unix://{self.socket}?db=1"))

        def answers() -> bool:
            try:
                store.ping()
            except RedisError:
                return False
            return True

        until(answers, what="Valkey did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def away(self, seconds: float) -> Iterator[None]:
        """Gone now, and back after so long."""
        self.kill()
        back = threading.Timer(seconds, self.start)
        back.start()
        yield
        back.join()


@pytest.fixture
def store_server(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def url(store_server: Valkey) -> Iterator[str]:
    settings = Settings(redis_url=f"unix://{store_server.socket}?db=1")
    with serving(create_app(settings, Store(settings), lambda _: None)) as url:
        yield url


def client(url: str, attempts: int) -> Any:
    config = Config(retries={"total_max_attempts": attempts, "mode": "standard"})
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("sagemaker", endpoint_url=url, region_name="us-east-1", config=config, **keys)


def test_a_moment_is_waited_out_by_the_server(
    url: str, store_server: Valkey, request_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STORE_PATIENCE_SECONDS", GENEROUS_SECONDS)
    sagemaker = client(url, attempts=1)
    with store_server.away(0.4):
        arn = sagemaker.create_compilation_job(**request_for())["CompilationJobArn"]
    with store_server.away(0.4):
        assert sagemaker.describe_compilation_job(CompilationJobName="job")["CompilationJobArn"] == arn


def test_longer_is_an_error_that_clients_try_again(url: str, store_server: Valkey, request_for: Any) -> None:
    client(url, attempts=1).create_compilation_job(**request_for())
    store_server.kill()
    impatient = client(url, attempts=1)
    with pytest.raises(impatient.exceptions.ClientError) as refused:
        impatient.describe_compilation_job(CompilationJobName="job")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    patient, refusals = client(url, attempts=8), []

    def comes_back(response: Any, **_: Any) -> None:
        if response is not None and response[0].status_code == 503:
            refusals.append(response)
            store_server.start()

    patient.meta.events.register_first("needs-retry.sagemaker.DescribeCompilationJob", comes_back)
    answer = patient.describe_compilation_job(CompilationJobName="job")
    assert answer["CompilationJobStatus"] == "STARTING"
    assert answer["ResponseMetadata"]["RetryAttempts"] == len(refusals) == 1
