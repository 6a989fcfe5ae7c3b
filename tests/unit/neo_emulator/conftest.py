"""A job, and WSGI requests, for unit tests of the API."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from neo_workers.jobs import Job, JobId, JobStatus, Scope

CREATED = datetime(2024, 4, 16, 13, 40, 49, 170_000, tzinfo=UTC)


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """A STARTING job for ml_c5, any field of Job changed."""

    def make(**changes: Any) -> Job:
        fields: dict[str, Any] = {
            "id": JobId(Scope("123456789012", "us-east-1"), "job"),
            "request": {
                "CompilationJobName": "job",
                "RoleArn": "arn:aws:iam::123456789012:role/neo",
                "InputConfig": {"S3Uri": "s3://b/m.tar.gz", "Framework": "XGBOOST"},
                "OutputConfig": {"S3OutputLocation": "s3://b/o", "TargetDevice": "ml_c4"},
                "StoppingCondition": {"MaxRuntimeInSeconds": 900},
            },
            "status": JobStatus.STARTING,
            "created": CREATED,
            "modified": CREATED.replace(microsecond=0),
        }
        return Job(**{**fields, **changes})

    return make


@pytest.fixture
def make_environ() -> Callable[..., dict[str, Any]]:
    """A WSGI environ: `make_environ("DescribeCompilationJob", {...})`, or of any method and path."""

    def make(operation: str | None = None, body: Any = b"", **more: Any) -> dict[str, Any]:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "CONTENT_LENGTH": str(len(data)),
            "wsgi.input": io.BytesIO(data),
            "wsgi.url_scheme": "http",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
        }
        if operation:
            environ["HTTP_X_AMZ_TARGET"] = f"SageMaker.{operation}"
        return {**environ, **more}

    return make


@pytest.fixture
def send() -> Callable[..., tuple[int, dict[str, str], bytes] | None]:
    """Calls a handler: (status, headers in lower case, body), or None when it declined."""

    def call(handler: Any, environ: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        seen: list[Any] = []
        body = handler(environ, lambda status, headers, exc_info=None: seen.append((status, headers)))
        if body is None:
            assert not seen
            return None
        ((status, headers),) = seen
        return int(status.split()[0]), {name.lower(): value for name, value in headers}, b"".join(body)

    return call
