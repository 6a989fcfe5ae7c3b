"""SageMaker's compilation-job operations, found by their AWS names in OPERATIONS.

Each takes a request that its shapes allow and gives back the members of the answer, or raises ServiceError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from neo_emulator.protocol import errors
from neo_emulator.protocol.request_context import Context, job_arn, job_of_arn
from neo_emulator.sagemaker import model_packages, pagination, rules
from neo_emulator.sagemaker.describe import describe, summary
from neo_workers.jobs import MODEL_PACKAGE_INPUT, TERMINAL, JobId, JsonObject, Scope
from neo_workers.store.store import JobActive, JobExists, JobNotFound, Store, TooManyJobs, TooManyTags

T = TypeVar("T")
Submit = Callable[[JobId], None]


class Neighbours(Protocol):
    """What a job's request may refer to in other services."""

    def model_package(self, scope: Scope, arn: str) -> JsonObject | None:
        """A model package's InferenceSpecification, None for an unknown one."""
        ...

    def trusts_sagemaker(self, role_arn: str) -> bool:
        """Whether a role exists and SageMaker may assume it."""
        ...


@dataclass(frozen=True)
class Call:
    """One request, and what an operation needs to answer it."""

    request: JsonObject
    context: Context
    store: Store
    submit: Submit  # announces a job to the workers; never raises
    neighbours: Neighbours

    @property
    def job_id(self) -> JobId:
        """The job that CompilationJobName names."""
        return self.context.job_id(self.request["CompilationJobName"])


@dataclass(frozen=True)
class Operation:
    """An operation, and whether it may simply be run again when the store was away."""

    run: Callable[[Call], JsonObject]
    repeatable: bool


OPERATIONS: dict[str, Operation] = {}


def operation(*, repeatable: bool) -> Callable[[Callable[[Call], JsonObject]], Callable[[Call], JsonObject]]:
    """Registers a function under its name in AWS's spelling: create_compilation_job is CreateCompilationJob."""

    def register(run: Callable[[Call], JsonObject]) -> Callable[[Call], JsonObject]:
        OPERATIONS["".join(word.capitalize() for word in run.__name__.split("_"))] = Operation(run, repeatable)
        return run

    return register


def is_ours(request: JsonObject) -> bool:
    """Whether the emulator answers: True unless the request's ResourceArn names something that moto has."""
    arn = request.get("ResourceArn")
    return arn is None or ":compilation-job/" in arn or not arn.startswith("arn:")


@operation(repeatable=True)
def create_compilation_job(call: Call) -> JsonObject:
    """Adds the job, STARTING, and announces it.

    Raises ValidationException (rules.py), ResourceInUse, ResourceLimitExceeded.
    """
    rules.check(call.request)
    if call.store.settings.check_roles and not call.neighbours.trusts_sagemaker(call.request["RoleArn"]):
        raise errors.role_not_assumable(call.request["RoleArn"])
    tags = _tags(call.request)
    request = {name: value for name, value in call.request.items() if name != "Tags"}
    if arn := request.get("ModelPackageVersionArn"):
        request[MODEL_PACKAGE_INPUT] = model_packages.input_config(
            arn, call.neighbours.model_package(call.context.scope, arn)
        )
    try:
        call.store.add(call.job_id, request, tags, call.context.invocation)
    except JobExists as err:
        raise errors.name_taken(call.job_id.name) from err
    except TooManyJobs as err:
        raise errors.limit_exceeded(call.store.settings.max_active_jobs) from err
    call.submit(call.job_id)
    return {"CompilationJobArn": job_arn(call.job_id)}


@operation(repeatable=True)
def describe_compilation_job(call: Call) -> JsonObject:
    """The job as it stands. Raises ResourceNotFound."""
    try:
        return describe(call.store.get(call.job_id))
    except JobNotFound as err:
        raise errors.not_found(call.job_id.name) from err


@operation(repeatable=True)
def list_compilation_jobs(call: Call) -> JsonObject:
    """One page of summaries, and a NextToken when more jobs follow. Raises ValidationException for a foreign token."""
    page = call.store.page(call.context.scope, pagination.query(call.request, call.context.scope))
    answer: JsonObject = {"CompilationJobSummaries": [summary(job) for job in page.jobs]}
    if page.more and page.jobs:
        answer["NextToken"] = pagination.next_token(call.request, page.jobs[-1])
    return answer


@operation(repeatable=True)
def stop_compilation_job(call: Call) -> JsonObject:
    """Nothing; a job that was waiting or running is STOPPING now, one that was STOPPING stays so.

    Raises ResourceNotFound, and ValidationException for a job that has ended: the answer of StopTrainingJob.
    """
    try:
        before = call.store.stop(call.job_id)
    except JobNotFound as err:
        raise errors.not_found(call.job_id.name) from err
    if before in TERMINAL:
        raise errors.wrong_status(before)
    return {}


@operation(repeatable=False)
def delete_compilation_job(call: Call) -> JsonObject:
    """Nothing; the record of an ended job is gone, its artifact stays.

    Raises ResourceNotFound, and ValidationException for a job that has not ended.
    Source: API_DeleteCompilationJob; which error refuses is not documented.
    """
    try:
        call.store.delete(call.job_id)
    except JobNotFound as err:
        raise errors.not_found(call.job_id.name) from err
    except JobActive as err:
        hint = " Only a job in status COMPLETED, FAILED or STOPPED can be deleted; stop it first."
        raise errors.wrong_status(err.status, hint) from err
    return {}


@operation(repeatable=True)
def add_tags(call: Call) -> JsonObject:
    """All tags of the job, these added or overwritten. Raises ValidationException for an unknown job and a 51st tag."""
    return {"Tags": _on_tagged_job(call, lambda job_id: _listed(call.store.put_tags(job_id, _tags(call.request))))}


@operation(repeatable=True)
def list_tags(call: Call) -> JsonObject:
    """The job's tags by key, all at once: a job has at most 50 (lua/tag.lua), and that is the smallest page.

    Raises ValidationException for an unknown job and for any NextToken, since none was given out.
    """
    if call.request.get("NextToken"):
        raise pagination.invalid_token()
    return {"Tags": _on_tagged_job(call, lambda job_id: _listed(call.store.tags(job_id)))}


@operation(repeatable=True)
def delete_tags(call: Call) -> JsonObject:
    """Nothing; the tags with these keys are gone. Raises ValidationException for an unknown job."""
    _on_tagged_job(call, lambda job_id: call.store.remove_tags(job_id, call.request["TagKeys"]))
    return {}


def _on_tagged_job(call: Call, do: Callable[[JobId], T]) -> T:
    """The model gives the tag operations no error of their own, so an ARN without a job is a ValidationException."""
    arn = call.request["ResourceArn"]
    job_id = job_of_arn(arn)
    if job_id is None or job_id.scope != call.context.scope or job_arn(job_id) != arn:
        raise errors.no_resource(arn)
    try:
        return do(job_id)
    except JobNotFound as err:
        raise errors.no_resource(arn) from err
    except TooManyTags as err:
        raise errors.too_many_tags() from err


def _tags(request: JsonObject) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}


def _listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
