"""SageMaker's compilation-job operations, found by their AWS names in OPERATIONS.

Each takes a request that its shapes allow and gives back the members of the answer, or raises ServiceError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from neo_emulator.protocol import errors
from neo_emulator.protocol.arns import job_arn, job_of_arn
from neo_emulator.sagemaker import model_packages, pagination, rules
from neo_emulator.sagemaker.describe import describe, summary
from neo_workers.jobs import MODEL_PACKAGE_INPUT, TERMINAL, JobId, JsonObject, Scope
from neo_workers.settings import Settings
from neo_workers.store.store import JobActive, JobExists, JobNotFound, Store, TooManyJobs, TooManyTags

T = TypeVar("T")
Publish = Callable[[JobId], None]
"""Tells the workers about a job; never raises."""


class OtherServices(Protocol):
    """What a job's request may refer to in other services."""

    def model_package(self, scope: Scope, arn: str) -> JsonObject | None:
        """A model package's InferenceSpecification, None for an unknown one."""
        ...

    def trusts_sagemaker(self, role_arn: str) -> bool:
        """Whether a role exists and SageMaker may assume it."""
        ...


@dataclass(frozen=True)
class OperationRequest:
    """One request, and what an operation needs to answer it."""

    members: JsonObject  # as `aws_json.parse_request` returns them, allowed by the operation's shapes
    scope: Scope  # the caller's account and region
    invocation: str  # the same for every try of one SDK call, "" when the SDK sends none
    settings: Settings
    store: Store
    publish: Publish
    other_services: OtherServices

    @property
    def job_id(self) -> JobId:
        """The job that CompilationJobName names."""
        return JobId(self.scope, self.members["CompilationJobName"])


Run = Callable[[OperationRequest], JsonObject]


@dataclass(frozen=True)
class Operation:
    """An operation, and whether it may simply be run again when the store was away."""

    run: Run
    repeatable: bool


OPERATIONS: dict[str, Operation] = {}


def operation(*, repeatable: bool) -> Callable[[Run], Run]:
    """Registers a function under its name in AWS's spelling: create_compilation_job is CreateCompilationJob."""

    def register(run: Run) -> Run:
        OPERATIONS["".join(word.capitalize() for word in run.__name__.split("_"))] = Operation(run, repeatable)
        return run

    return register


def is_ours(members: JsonObject) -> bool:
    """Whether the emulator answers: True unless the request's ResourceArn names something that moto has."""
    arn = members.get("ResourceArn")
    return arn is None or ":compilation-job/" in arn or not arn.startswith("arn:")


@operation(repeatable=True)
def create_compilation_job(request: OperationRequest) -> JsonObject:
    """Adds the job, STARTING, and announces it.

    Raises ValidationException (rules.py), ResourceInUse, ResourceLimitExceeded.
    """
    members = request.members
    rules.check(members)
    if request.settings.check_roles and not request.other_services.trusts_sagemaker(members["RoleArn"]):
        raise errors.role_not_assumable(members["RoleArn"])
    tags = _tags(members)
    stored = {name: value for name, value in members.items() if name != "Tags"}
    if arn := members.get("ModelPackageVersionArn"):
        specification = request.other_services.model_package(request.scope, arn)
        stored[MODEL_PACKAGE_INPUT] = model_packages.input_config(arn, specification)
    try:
        request.store.add(request.job_id, stored, tags, request.invocation)
    except JobExists as err:
        raise errors.name_taken(request.job_id.name) from err
    except TooManyJobs as err:
        raise errors.limit_exceeded(request.settings.max_active_jobs) from err
    request.publish(request.job_id)
    return {"CompilationJobArn": job_arn(request.job_id)}


@operation(repeatable=True)
def describe_compilation_job(request: OperationRequest) -> JsonObject:
    """The job as it stands. Raises ResourceNotFound."""
    try:
        return describe(request.store.get(request.job_id))
    except JobNotFound as err:
        raise errors.not_found(request.job_id.name) from err


@operation(repeatable=True)
def list_compilation_jobs(request: OperationRequest) -> JsonObject:
    """One page of summaries, and a NextToken when more jobs follow. Raises ValidationException for a foreign token."""
    page = request.store.page(request.scope, pagination.query(request.members, request.scope))
    answer: JsonObject = {"CompilationJobSummaries": [summary(job) for job in page.jobs]}
    if page.more and page.jobs:
        answer["NextToken"] = pagination.next_token(request.members, page.jobs[-1])
    return answer


@operation(repeatable=True)
def stop_compilation_job(request: OperationRequest) -> JsonObject:
    """Nothing; a job that was waiting or running is STOPPING now, one that was STOPPING stays so.

    Raises ResourceNotFound, and ValidationException for a job that has ended: the answer of StopTrainingJob.
    """
    try:
        before = request.store.stop(request.job_id)
    except JobNotFound as err:
        raise errors.not_found(request.job_id.name) from err
    if before in TERMINAL:
        raise errors.wrong_status(before)
    return {}


@operation(repeatable=False)
def delete_compilation_job(request: OperationRequest) -> JsonObject:
    """Nothing; the record of an ended job is gone, its artifact stays.

    Raises ResourceNotFound, and ValidationException for a job that has not ended.
    Source: API_DeleteCompilationJob; which error refuses is not documented.
    """
    try:
        request.store.delete(request.job_id)
    except JobNotFound as err:
        raise errors.not_found(request.job_id.name) from err
    except JobActive as err:
        hint = " Only a job in status COMPLETED, FAILED or STOPPED can be deleted; stop it first."
        raise errors.wrong_status(err.status, hint) from err
    return {}


@operation(repeatable=True)
def add_tags(request: OperationRequest) -> JsonObject:
    """All tags of the job, these added or overwritten. Raises ValidationException for an unknown job and a 51st tag."""
    added = _tags(request.members)
    return {"Tags": _on_tagged_job(request, lambda job_id: _listed(request.store.put_tags(job_id, added)))}


@operation(repeatable=True)
def list_tags(request: OperationRequest) -> JsonObject:
    """The job's tags by key, all at once: a job has at most 50 (lua/tag.lua), and that is the smallest page.

    Raises ValidationException for an unknown job and for any NextToken, since none was given out.
    """
    if request.members.get("NextToken"):
        raise pagination.invalid_token()
    return {"Tags": _on_tagged_job(request, lambda job_id: _listed(request.store.tags(job_id)))}


@operation(repeatable=True)
def delete_tags(request: OperationRequest) -> JsonObject:
    """Nothing; the tags with these keys are gone. Raises ValidationException for an unknown job."""
    _on_tagged_job(request, lambda job_id: request.store.remove_tags(job_id, request.members["TagKeys"]))
    return {}


def _on_tagged_job(request: OperationRequest, do: Callable[[JobId], T]) -> T:
    """The model gives the tag operations no error of their own, so an ARN without a job is a ValidationException."""
    arn = request.members["ResourceArn"]
    job_id = job_of_arn(arn)
    if job_id is None or job_id.scope != request.scope or job_arn(job_id) != arn:
        raise errors.no_resource(arn)
    try:
        return do(job_id)
    except JobNotFound as err:
        raise errors.no_resource(arn) from err
    except TooManyTags as err:
        raise errors.too_many_tags() from err


def _tags(members: JsonObject) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in members.get("Tags", [])}


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
