"""SageMaker's compilation-job operations, registered by their AWS names in OPERATIONS.

Each takes a request that is valid by its shapes, and returns the members of the response or raises ServiceError.
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
"""Announces a job to the workers; never raises."""


class OtherServices(Protocol):
    """Lookups in other services that requests refer to."""

    def model_package(self, scope: Scope, arn: str) -> JsonObject | None:
        """A model package's InferenceSpecification, None if it does not exist."""
        ...

    def trusts_sagemaker(self, role_arn: str) -> bool:
        """Whether a role exists and SageMaker may assume it."""
        ...


@dataclass(frozen=True)
class OperationRequest:
    """One request, and what an operation needs to handle it."""

    members: JsonObject  # from `aws_json.parse_request`, validated by `constraints.check`
    scope: Scope  # the caller's account and region
    invocation: str  # ID of the SDK call, the same for its retries; "" if not sent
    settings: Settings
    store: Store
    publish: Publish
    other_services: OtherServices

    @property
    def job_id(self) -> JobId:
        """The ID of the job CompilationJobName in the caller's scope."""
        return JobId(self.scope, self.members["CompilationJobName"])


Run = Callable[[OperationRequest], JsonObject]


@dataclass(frozen=True)
class Operation:
    """An operation, and whether it may be retried after the store was unavailable."""

    run: Run
    repeatable: bool


OPERATIONS: dict[str, Operation] = {}


def operation(*, repeatable: bool) -> Callable[[Run], Run]:
    """Registers a function under its AWS name: create_compilation_job is CreateCompilationJob."""

    def register(run: Run) -> Run:
        OPERATIONS["".join(word.capitalize() for word in run.__name__.split("_"))] = Operation(run, repeatable)
        return run

    return register


def is_ours(members: JsonObject) -> bool:
    """Whether the emulator handles the request: False if ResourceArn is not a compilation job's, but moto's."""
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
    """The job's description. Raises ResourceNotFound."""
    try:
        return describe(request.store.get(request.job_id))
    except JobNotFound as err:
        raise errors.not_found(request.job_id.name) from err


@operation(repeatable=True)
def list_compilation_jobs(request: OperationRequest) -> JsonObject:
    """One page of summaries, with NextToken if there are more. Raises ValidationException for an invalid token."""
    page = request.store.page(request.scope, pagination.query(request.members, request.scope))
    answer: JsonObject = {"CompilationJobSummaries": [summary(job) for job in page.jobs]}
    if page.more and page.jobs:
        answer["NextToken"] = pagination.next_token(request.members, page.jobs[-1])
    return answer


@operation(repeatable=True)
def stop_compilation_job(request: OperationRequest) -> JsonObject:
    """Changes a STARTING or INPROGRESS job to STOPPING; the response is empty. STOPPING jobs stay so.

    Raises ResourceNotFound, and ValidationException for an ended job, as StopTrainingJob does.
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
    """Deletes the record of an ended job, not its artifact; the response is empty.

    Raises ResourceNotFound, and ValidationException for a job that has not ended.
    Source: API_DeleteCompilationJob; the error for an active job is not documented.
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
    """Adds or overwrites tags. Returns all tags. Raises ValidationException for an unknown job or a 51st tag."""
    added = _tags(request.members)
    return {"Tags": _on_tagged_job(request, lambda job_id: _listed(request.store.put_tags(job_id, added)))}


@operation(repeatable=True)
def list_tags(request: OperationRequest) -> JsonObject:
    """The job's tags by key in one page: a job has at most 50 (lua/tag.lua), the smallest page size.

    Raises ValidationException for an unknown job and for any NextToken, since none is ever returned.
    """
    if request.members.get("NextToken"):
        raise pagination.invalid_token()
    return {"Tags": _on_tagged_job(request, lambda job_id: _listed(request.store.tags(job_id)))}


@operation(repeatable=True)
def delete_tags(request: OperationRequest) -> JsonObject:
    """Deletes the tags with these keys; the response is empty. Raises ValidationException for an unknown job."""
    _on_tagged_job(request, lambda job_id: request.store.remove_tags(job_id, request.members["TagKeys"]))
    return {}


def _on_tagged_job(request: OperationRequest, do: Callable[[JobId], T]) -> T:
    """Runs `do`. The model declares no error for tag operations, so an unknown job is a ValidationException."""
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
