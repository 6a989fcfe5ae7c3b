"""A running emulator, seen from a script or a test: clients on it, and the calls that tests make most."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from functools import cache, cached_property
from threading import Lock
from typing import Any
from uuid import uuid4

REGION = "us-east-1"
POLL_SECONDS = 0.1
TERMINAL = ("COMPLETED", "FAILED", "STOPPED")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
"""Any will do: an emulator without NEO_EMULATOR_AUTH asks for none."""

_session_lock = Lock()


class JobEnded(RuntimeError):  # noqa: N818 - it is what happened to a job, not a fault of the program
    """A job ended in another status than was waited for; `description` is DescribeCompilationJob's answer."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        reason = description.get("FailureReason", "")
        super().__init__(
            f"compilation job {description['CompilationJobName']} ended {description['CompilationJobStatus']}"
            + (f": {reason}" if reason else "")
        )


class Endpoint:
    """The emulator at `url`. Clients are made with credentials that any emulator takes, or with `credentials`."""

    def __init__(self, url: str = "", credentials: dict[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._credentials = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def client(self, service: str, region: str = REGION) -> Any:
        """A new boto3 client for `service` ("sagemaker", "s3", ...)."""
        with _session_lock:  # boto3's sessions are not for several threads
            return _session().client(service, endpoint_url=self.url, region_name=region, **self._credentials)

    @cached_property
    def sagemaker(self) -> Any:
        """boto3's "sagemaker" client."""
        return self.client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        """boto3's "s3" client."""
        return self.client("s3")

    def bucket(self, prefix: str = "neo") -> str:
        """The name of a new, empty bucket."""
        name = f"{prefix}-{uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=name)
        return name

    def wait(self, name: str, *statuses: str, timeout_seconds: float = 900.0) -> dict[str, Any]:
        """The description of job `name` once it has one of `statuses`, by default COMPLETED.

        Raises JobEnded when it ended in another status, TimeoutError when it takes too long, and botocore's
        ClientError when there is no such job.
        """
        wanted = statuses or ("COMPLETED",)
        deadline = time.monotonic() + timeout_seconds
        while True:
            job: dict[str, Any] = self.sagemaker.describe_compilation_job(CompilationJobName=name)
            status = job["CompilationJobStatus"]
            if status in wanted:
                return job
            if status in TERMINAL:
                raise JobEnded(job)
            if time.monotonic() > deadline:
                raise TimeoutError(f"compilation job {name} is still {status} after {timeout_seconds:g} s")
            time.sleep(POLL_SECONDS)

    def download(self, name: str) -> bytes:
        """The artifact (tar.gz) of COMPLETED job `name`. Raises JobEnded for a job that ended otherwise."""
        uri = self.wait(name)["ModelArtifacts"]["S3ModelArtifacts"]
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def reset(self) -> None:
        """Forgets every job, bucket, pace and planned fault: the emulator is as new."""
        self.control("reset", {})

    def pace(self, *, min_starting_seconds: float | None = None, min_run_seconds: float | None = None) -> None:
        """Holds jobs in STARTING and INPROGRESS for at least that long from now on; 0 lets them go."""
        given = {"min_starting_seconds": min_starting_seconds, "min_run_seconds": min_run_seconds}
        self.control("pace", {name: value for name, value in given.items() if value is not None})

    def fail_next(self, reason: str, *, name: str = "*", count: int = 1) -> None:
        """The next `count` jobs whose name fits the pattern `name` FAIL with `reason`."""
        self.control("faults", {"reason": reason, "name": name, "count": count})

    def control(self, page: str, members: dict[str, Any] | None = None) -> Any:
        """What /_neo/`page` answers, JSON taken apart; a POST when there are `members`.

        Raises ValueError with the emulator's words when it refuses them, OSError when it does not answer.
        """
        body = None if members is None else json.dumps(members).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/_neo/{page}", body, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(_words(error.read().decode(errors="replace"))) from error

    def environment(self) -> dict[str, str]:
        """Environment variables with which every AWS SDK and the AWS CLI reach the emulator."""
        keys = {name.upper(): value for name, value in self._credentials.items()}
        return {"AWS_ENDPOINT_URL": self.url, **CREDENTIALS, **keys}


def _words(body: str) -> str:
    """What a refusal's body says."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, TypeError, KeyError):
        return body


@cache
def _session() -> Any:
    """One session for all clients: it keeps botocore's parsed models (0.2 s each)."""
    import boto3

    return boto3.session.Session()
