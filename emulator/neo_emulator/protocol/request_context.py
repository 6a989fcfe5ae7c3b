"""Who asks, and for which region: what a request says beside its body."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from wsgiref.types import WSGIEnvironment

from neo_workers.jobs import JobId, Scope

_CREDENTIAL = re.compile(
    r"Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request"
)
_RESOURCE = "compilation-job"
_JOB_ARN = re.compile(rf"arn:aws[a-z-]*:sagemaker:([a-z0-9-]+):(\d{{12}}):{_RESOURCE}/([a-zA-Z0-9-]{{1,63}})", re.ASCII)


@dataclass(frozen=True)
class Context:
    """The caller's account and region, and the id that the answer carries."""

    scope: Scope
    request_id: str
    invocation: str = ""  # the same for each try of one call of an SDK, "" when it says none

    def job_id(self, name: str) -> JobId:
        """The identity of the caller's job `name`."""
        return JobId(self.scope, name)


@dataclass(frozen=True)
class Credential:
    """What a SigV4 signature says of its maker; the signature itself is not verified."""

    access_key: str
    region: str
    service: str  # signing name, e.g. "sagemaker"


def credential(environ: WSGIEnvironment) -> Credential | None:
    """The credential of a signed request, None for an unsigned one."""
    match = _CREDENTIAL.search(str(environ.get("HTTP_AUTHORIZATION", "")))
    return Credential(match["key"], match["region"], match["service"]) if match else None


def invocation(environ: WSGIEnvironment) -> str:
    """What an SDK calls this call, the same each time it tries again. Source: amz-sdk-invocation-id of the SDKs."""
    return str(environ.get("HTTP_AMZ_SDK_INVOCATION_ID", ""))[:64]


def new_request_id() -> str:
    """A fresh x-amzn-RequestId."""
    digits = f"{random.getrandbits(128):032x}"  # not uuid4(): the system's randomness takes ten times as long
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def job_arn(job_id: JobId) -> str:
    """CompilationJobArn, its partition by the region."""
    scope = job_id.scope
    return f"arn:{partition(scope.region).name}:sagemaker:{scope.region}:{scope.account}:{_RESOURCE}/{job_id.name}"


def job_of_arn(arn: str) -> JobId | None:
    """The job that a CompilationJobArn names, None for the ARN of anything else."""
    match = _JOB_ARN.fullmatch(arn)
    return JobId(Scope(match[2], match[1]), match[3]) if match else None


@dataclass(frozen=True)
class Partition:
    """One of AWS's separate clouds."""

    name: str  # "aws", "aws-cn", ...
    dns_suffix: str  # "amazonaws.com", ...


@lru_cache(maxsize=256)
def partition(region: str) -> Partition:
    """The partition of `region`; "aws" for a region that botocore does not know. Source: botocore's partitions.json."""
    rows = _partitions()
    return next((row for regions, row in rows if regions.match(region)), rows[0][1])


@lru_cache(maxsize=1)
def _partitions() -> list[tuple[re.Pattern[str], Partition]]:
    text = (resources.files("botocore") / "data" / "partitions.json").read_text(encoding="utf-8")
    return [
        (re.compile(row["regionRegex"]), Partition(row["id"], row["outputs"]["dnsSuffix"]))
        for row in json.loads(text)["partitions"]
    ]
