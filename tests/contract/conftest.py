"""boto3 against a live server: the real front, the real store on a private Valkey, moto behind; no worker.

Tests walk a job through its states with the calls that a worker would make (`Engine`).
"""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from support.live import serving

from neo_emulator.gateway.app import create_app
from neo_workers.jobs import Claim, JobId, JobResult, JobStatus, Scope
from neo_workers.settings import Settings
from neo_workers.store.store import Store

ACCOUNT, REGION = "123456789012", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/neo"
DIGEST = "5" * 128
HERE = Scope(ACCOUNT, REGION)

ClientFactory = Callable[..., Any]


def job_request(name: str = "job", **changes: Any) -> dict[str, Any]:
    """A complete CreateCompilationJob request; a change to None takes the member away."""
    request: dict[str, Any] = {
        "CompilationJobName": name,
        "RoleArn": ROLE,
        "InputConfig": {
            "S3Uri": "s3://models/resnet.tar.gz",
            "DataInputConfig": '{"data": [1, 3, 224, 224]}',
            "Framework": "ONNX",
        },
        "OutputConfig": {"S3OutputLocation": "s3://models/output", "TargetDevice": "ml_c5"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }
    request.update(changes)
    return {member: value for member, value in request.items() if value is not None}


@dataclass
class Engine:
    """What a worker does to a job, without compiling anything."""

    store: Store
    scope: Scope = HERE

    def start(self, name: str) -> Claim:
        """The job INPROGRESS."""
        claim = self.store.claim(JobId(self.scope, name), "test-worker")
        assert claim is not None
        return claim

    def finish(self, claim: Claim, status: JobStatus, reason: str | None = None, derived: str | None = None) -> None:
        """The job in a terminal status."""
        result = JobResult("s3://models/output/resnet-ml_c5.tar.gz", DIGEST, derived)
        done = status is JobStatus.COMPLETED
        assert self.store.finish(claim, status, reason, result if done else None) is status

    def bring(self, name: str, status: JobStatus) -> None:
        """A job that was just created, in `status`."""
        if status is JobStatus.STARTING:
            return
        claim = self.start(name)
        if status in (JobStatus.STOPPING, JobStatus.STOPPED):
            self.store.stop(claim.id)
        if status not in (JobStatus.INPROGRESS, JobStatus.STOPPING):
            self.finish(claim, status, "ClientError: nothing" if status is JobStatus.FAILED else None)


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings)


@pytest.fixture
def engine(store: Store) -> Engine:
    return Engine(store)


@pytest.fixture
def submitted() -> list[JobId]:
    """Jobs that the API announced to the workers."""
    return []


@pytest.fixture
def url(settings: Settings, store: Store, submitted: list[JobId]) -> Iterator[str]:
    """The endpoint of a live server with no jobs and an empty moto."""
    with serving(create_app(settings, store, submitted.append)) as url:
        yield url


@pytest.fixture(scope="session")
def boto_session() -> Any:
    # one session: botocore's parsed models are cached in it
    return boto3.session.Session(aws_access_key_id="AKIDTEST", aws_secret_access_key="secret", region_name=REGION)


@pytest.fixture
def client(url: str, boto_session: Any) -> Iterator[ClientFactory]:
    """Makes boto3 clients on the server: `client("s3", region_name="eu-west-1")`."""
    made: list[Any] = []

    def make(service: str = "sagemaker", **options: Any) -> Any:
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        made.append(boto_session.client(service, endpoint_url=url, **{"config": config, **options}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def sagemaker(client: ClientFactory) -> Any:
    """boto3's sagemaker client, which sends whatever it is given."""
    return client("sagemaker")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def curl(url: str) -> Callable[..., Answer]:
    """Sends one bare request: `curl("POST", "/", body, {"X-Amz-Target": ...})`; a dict body goes as JSON."""

    def send(method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        try:
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, path, data, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    return send


@pytest.fixture
def call(curl: Callable[..., Answer]) -> Callable[..., Answer]:
    """An unsigned SageMaker call: `call("CreateCompilationJob", {...})`."""

    def send(operation: str, body: Any) -> Answer:
        return curl("POST", "/", body, {"X-Amz-Target": f"SageMaker.{operation}"})

    return send


@pytest.fixture
def request_for() -> Callable[..., dict[str, Any]]:
    """`job_request`, for tests that cannot import it."""
    return job_request
