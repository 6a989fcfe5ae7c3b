"""A running emulator as used by scripts and tests: clients, and frequent calls."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from functools import cache, cached_property
from threading import Lock
from typing import Any
from uuid import uuid4

from neo_emulator.http.proxies import bypass, is_local, opener

REGION = "us-east-1"
POLL_SECONDS = 0.1
TERMINAL = ("COMPLETED", "FAILED", "STOPPED")
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
"""Any credentials work: an emulator without NEO_EMULATOR_AUTH does not check them."""

_session_lock = Lock()


class JobEnded(RuntimeError):  # noqa: N818 - an event, not a fault of the program
    """A job ended in an unexpected status; `description` is DescribeCompilationJob's response."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        reason = description.get("FailureReason", "")
        super().__init__(
            f"compilation job {description['CompilationJobName']} ended {description['CompilationJobStatus']}"
            + (f": {reason}" if reason else "")
        )


class Endpoint:
    """The emulator at `url`. Clients use `credentials`, by default ones that an emulator without sigv4 accepts."""

    def __init__(self, url: str = "", credentials: dict[str, str] | None = None) -> None:
        self.url = url.rstrip("/")
        self._credentials = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

    def client(self, service: str, region: str = REGION) -> Any:
        """A new boto3 client for `service` ("sagemaker", "s3", ...)."""
        with _session_lock:  # boto3's sessions are not thread-safe
            config = _botocore_config(proxied=not is_local(self.url))
            return _session().client(
                service, endpoint_url=self.url, region_name=region, config=config, **self._credentials
            )

    @cached_property
    def sagemaker(self) -> Any:
        """boto3's "sagemaker" client."""
        return self.client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        """boto3's "s3" client."""
        return self.client("s3")

    def bucket(self, prefix: str = "neo") -> str:
        """Creates a bucket with a unique name. Returns the name."""
        name = f"{prefix}-{uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=name)
        return name

    def wait(self, name: str, *statuses: str, timeout_seconds: float = 900.0) -> dict[str, Any]:
        """Waits until job `name` has one of `statuses`, by default COMPLETED. Returns its description.

        Raises JobEnded if it ended in another status, TimeoutError after `timeout_seconds`, and botocore's
        ClientError if the job does not exist.
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
        """The artifact (tar.gz) of COMPLETED job `name`. Raises JobEnded for a job with another status."""
        uri = self.wait(name)["ModelArtifacts"]["S3ModelArtifacts"]
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def reset(self) -> None:
        """Deletes all jobs, buckets and other resources, the pace and planned faults."""
        self.control("reset", {})

    def pace(self, *, min_starting_seconds: float | None = None, min_run_seconds: float | None = None) -> None:
        """Sets the minimum time that jobs stay in STARTING and INPROGRESS; 0 removes it."""
        given = {"min_starting_seconds": min_starting_seconds, "min_run_seconds": min_run_seconds}
        self.control("pace", {name: value for name, value in given.items() if value is not None})

    def fail_next(self, reason: str, *, name: str = "*", count: int = 1) -> None:
        """The next `count` jobs whose name matches the glob `name` FAIL with `reason`. Raises ValueError."""
        self.control("faults", {"reason": reason, "name": name, "count": count})

    def control(self, page: str, members: dict[str, Any] | None = None) -> Any:
        """The parsed JSON of /_neo/`page`; a POST if `members` are given.

        Raises ValueError with the emulator's error message if it refuses them, OSError if it does not respond.
        """
        body = None if members is None else json.dumps(members).encode()
        try:
            request = urllib.request.Request(f"{self.url}/_neo/{page}", body, self._authorization(page, body))
            with opener(self.url).open(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(_words(error.read().decode(errors="replace"))) from error

    def _authorization(self, page: str, body: bytes | None) -> dict[str, str]:
        """Headers that an emulator with sigv4 wants: the admin token's, or a signature by keys that are not made up."""
        if token := os.environ.get("NEO_EMULATOR_ADMIN_TOKEN"):
            return {"Authorization": f"Bearer {token}"}
        keys = self._credentials
        if keys["aws_access_key_id"] == CREDENTIALS["AWS_ACCESS_KEY_ID"]:
            return {}
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        request = AWSRequest("GET" if body is None else "POST", f"{self.url}/_neo/{page}", data=body)
        SigV4Auth(Credentials(*keys.values()), "neo-emulator", REGION).add_auth(request)
        return dict(request.headers.items())

    def environment(self) -> dict[str, str]:
        """Environment variables that point AWS SDKs and the AWS CLI at the emulator, past any proxy."""
        keys = {name.upper(): value for name, value in self._credentials.items()}
        return {"AWS_ENDPOINT_URL": self.url, **CREDENTIALS, **keys, **bypass(self.url)}


def _words(body: str) -> str:
    """The error message in a response body."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, TypeError, KeyError):
        return body


@cache
def _session() -> Any:
    """One session for all clients: it caches botocore's parsed models (0.2 s each).

    It reads no profile: clients have an endpoint, a region and credentials, and AWS_PROFILE may name a missing one.
    """
    import boto3
    import botocore.session

    return boto3.session.Session(botocore_session=botocore.session.Session({"profile": (None, [], None, None)}))


def _botocore_config(*, proxied: bool) -> Any:
    from botocore.config import Config

    return Config() if proxied else Config(proxies={})
