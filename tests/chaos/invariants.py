"""What has to be true of every job after any fault."""

import contextlib
import hashlib
import io
import itertools
import tarfile
import time
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from chaos.stack import Stack
from e2e.models import Graph, tensor
from onnx import TensorProto
from redis.exceptions import RedisError
from support import jobs, processes
from support.waiting import GENEROUS_SECONDS, TooLateError, until

from neo_workers.jobs import TRANSITIONS, JobId, JobStatus, Scope

HERE = Scope("123456789012", "us-east-1")
BUCKET = "neo"
INPUTS = '{"x": [1, 8]}'
_NUMBERS = itertools.count()
REPORT: list[str] = []
"""More lines for the report."""


def tiny() -> bytes:
    """A model of a few kB that compiles in a fraction of a second."""
    g = Graph()
    x = g.add("Relu", g.add("Gemm", "x", g.weight("w", 8, 8), g.weight("b", 8)))
    ends = (
        [tensor("x", TensorProto.FLOAT, 1, 8)],
        g.add("Gemm", x, g.weight("v", 8, 4)),
        [tensor("y", TensorProto.FLOAT, 1, 4)],
    )
    return g.model("tiny", *ends, opset=13)


ARCHIVE = jobs.archive(model__onnx=tiny())


@dataclass
class Outcome:
    """What a fault did to its jobs."""

    statuses: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    stuck: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # any other promise that was broken
    seconds: float = 0.0  # until the last job had ended


def prepare(stack: Stack) -> None:
    s3 = stack.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="tiny.tar.gz", Body=ARCHIVE)


def create(stack: Stack, model: str = "tiny", max_runtime: int = 3600, sagemaker: Any = None) -> str:
    """The name of a new job, whose artifact has a place of its own. Raises what boto3 raises."""
    name = f"chaos-{stack.mark[:6]}-{next(_NUMBERS)}"
    (sagemaker or stack.client("sagemaker")).create_compilation_job(**request(name, model, max_runtime))
    return name


def request(name: str, model: str = "tiny", max_runtime: int = 3600) -> dict[str, Any]:
    return {
        "CompilationJobName": name,
        "RoleArn": jobs.ROLE,
        "InputConfig": {"S3Uri": f"s3://{BUCKET}/{model}.tar.gz", "Framework": "ONNX", "DataInputConfig": INPUTS},
        "OutputConfig": {"S3OutputLocation": f"s3://{BUCKET}/out/{name}", "TargetDevice": "ml_m4"},
        "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime},
    }


def settle(stack: Stack, names: list[str], seconds: float = GENEROUS_SECONDS, begun: float | None = None) -> Outcome:
    """Lets held jobs go on and waits until all have ended, then looks at everything that was promised of them."""
    until(lambda: _let_go(stack), what="Redis")
    begun = time.monotonic() if begun is None else begun
    sagemaker, s3 = stack.client("sagemaker"), stack.client("s3")
    outcome, open_names = Outcome(), set(names)

    def all_ended() -> bool:
        for name in sorted(open_names):
            job = _describe(sagemaker, name)
            if job is None:
                outcome.lost.append(name)
            elif job["CompilationJobStatus"] in jobs.TERMINAL:
                outcome.descriptions[name] = job
                outcome.statuses[name] = job["CompilationJobStatus"]
            else:
                continue
            open_names.discard(name)
        return not open_names

    with contextlib.suppress(TooLateError):  # what is left is stuck
        until(all_ended, seconds)
    outcome.seconds = time.monotonic() - begun
    outcome.stuck = sorted(open_names)
    for name, job in outcome.descriptions.items():
        _check_record(stack, name, job, outcome)
        _check_artifact(s3, name, job, outcome)
    if not outcome.stuck:
        _check_processes(stack, outcome)
    return outcome


def _let_go(stack: Stack) -> bool:
    try:
        stack.pace()
        return True
    except RedisError:
        return False


def _describe(sagemaker: Any, name: str) -> dict[str, Any] | None:
    try:
        return dict(sagemaker.describe_compilation_job(CompilationJobName=name))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFound":
            return None
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500, error
    except BotoCoreError:
        pass  # the API itself is away
    return {"CompilationJobStatus": "?"}


def _check_record(stack: Stack, name: str, job: dict[str, Any], outcome: Outcome) -> None:
    job_id = JobId(HERE, name)
    history = stack.store.history(job_id)
    legal = all(after in TRANSITIONS[before] for before, after in itertools.pairwise(history))
    if not legal or history[0] is not JobStatus.STARTING or history[-1] != job["CompilationJobStatus"]:
        outcome.wrong.append(f"{name}: history {history}")
    commits = stack.store.connection.hget(f"neo:job:{job_id}", "commits")
    if commits != "1":
        outcome.doubled.append(f"{name}: {commits} commits")
    if (job["CompilationJobStatus"] == "FAILED") != ("FailureReason" in job):
        outcome.wrong.append(f"{name}: {job['CompilationJobStatus']} with reason {job.get('FailureReason')}")
    if not job["CreationTime"] <= job["LastModifiedTime"]:
        outcome.wrong.append(f"{name}: times")


def _check_artifact(s3: Any, name: str, job: dict[str, Any], outcome: Outcome) -> None:
    def found() -> list[str]:
        return jobs.keys(s3, BUCKET, f"out/{name}/")

    if job["CompilationJobStatus"] != "COMPLETED":
        try:
            until(lambda: not found(), what=found)
        except TooLateError as error:
            outcome.wrong.append(f"{name}: {job['CompilationJobStatus']}, but there is an artifact: {error}")
        return
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    if found() != [key]:
        outcome.wrong.append(f"{name}: artifact {key}, but there is {found()}")
        return
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    if hashlib.blake2b(body).hexdigest() != job["ModelDigests"]["ArtifactDigest"]:
        outcome.wrong.append(f"{name}: another digest than recorded")
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        sizes = {member.name: len(tar.extractfile(member).read()) for member in tar}  # type: ignore[union-attr]
    if not sizes.get("compiled.so"):
        outcome.wrong.append(f"{name}: incomplete artifact {sizes}")


def _check_processes(stack: Stack, outcome: Outcome) -> None:
    with contextlib.suppress(TooLateError):  # who was killed while it loaded TVM notices only after that
        until(lambda: not stack.strays())
    outcome.wrong += [f"process {pid} is left: {processes.command(pid)}" for pid in stack.strays()]
