"""ARNs of compilation jobs, and AWS partitions, which determine ARNs and host names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from neo_workers.jobs import JobId, Scope

_RESOURCE = "compilation-job"
_JOB_ARN = re.compile(rf"arn:aws[a-z-]*:sagemaker:([a-z0-9-]+):(\d{{12}}):{_RESOURCE}/([a-zA-Z0-9-]{{1,63}})", re.ASCII)


def job_arn(job_id: JobId) -> str:
    """The CompilationJobArn of a job; its partition follows from the region."""
    scope = job_id.scope
    return f"arn:{partition(scope.region).name}:sagemaker:{scope.region}:{scope.account}:{_RESOURCE}/{job_id.name}"


def job_of_arn(arn: str) -> JobId | None:
    """The job of a CompilationJobArn, None for any other text."""
    match = _JOB_ARN.fullmatch(arn)
    return JobId(Scope(match[2], match[1]), match[3]) if match else None


@dataclass(frozen=True)
class Partition:
    """A partition of AWS, such as aws-cn."""

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
