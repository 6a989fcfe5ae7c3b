"""SageMaker's operations on transform jobs, by their AWS names in OPERATIONS.

Each returns the members of the response, or None if moto is to respond: about jobs whose models were not compiled here,
and to keep its own copy of ours, which tags and Search read. Raises ServiceError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neo_emulator.aws.moto_transforms import MotoTransforms
from neo_emulator.hosting import errors as hosting_errors
from neo_emulator.hosting import listing
from neo_emulator.protocol.errors import validation
from neo_emulator.transform import errors, rules
from neo_emulator.transform.describe import describe, summary
from neo_workers import artifacts
from neo_workers.hosting.endpoint_store import EndpointStore
from neo_workers.jobs import JsonObject, Scope
from neo_workers.store.record_hash import now_ms
from neo_workers.transform.jobs import TERMINAL, TransformId, TransformJob
from neo_workers.transform.store import JobNotFound, TransformStore

LISTING = listing.Listing("TransformJobSummaries", "TransformJobName", "TransformJobStatus")


@dataclass(frozen=True)
class TransformRequest:
    """One request, and what an operation needs to respond."""

    members: JsonObject
    scope: Scope
    store: TransformStore
    endpoints: EndpointStore
    moto: MotoTransforms

    @property
    def name(self) -> str:
        """TransformJobName."""
        return str(self.members["TransformJobName"])

    @property
    def id(self) -> TransformId:
        """The job that TransformJobName identifies."""
        return TransformId(self.scope, self.name)


def create_transform_job(request: TransformRequest) -> None:
    """moto's response; the job is InProgress, if its model is an artifact of ours."""
    scope, name, members = request.scope, request.name, request.members
    if request.store.get(request.id) is not None or request.moto.has_job(scope, name):
        raise errors.name_taken(scope, name)
    containers = request.moto.containers(scope, members["ModelName"])
    if containers is None:
        raise hosting_errors.no_model(scope, members["ModelName"])
    if len(containers) != 1 or not request.moto.is_model_of_ours(containers[0], request.endpoints.has_artifact):
        return
    rules.check(members)
    _check_input(request)
    at = now_ms()
    stored = {key: value for key, value in members.items() if key != "Tags"}
    kept = {key: containers[0].get(key) for key in ("Image", "ModelDataUrl", "Environment")}
    if not request.store.add(TransformJob(request.id, stored, kept, created_ms=at, modified_ms=at)):
        raise errors.name_taken(scope, name)


def describe_transform_job(request: TransformRequest) -> JsonObject | None:
    """The job's current state."""
    found = request.store.get(request.id)
    return describe(found) if found is not None else _motos(request)


def list_transform_jobs(request: TransformRequest) -> JsonObject:
    """One page of summaries, including moto's jobs."""
    ours = {job.id.name: summary(job) for job in request.store.all(request.scope)}
    return listing.page(list({**request.moto.jobs(request.scope), **ours}.values()), request.members, LISTING)


def stop_transform_job(request: TransformRequest) -> JsonObject | None:
    """Changes an InProgress job to Stopping; the response is empty. Stopping twice is not an error.

    Raises ServiceError (ValidationException) for an unknown job and for one that has ended.
    """
    try:
        before = request.store.stop(request.id)
    except JobNotFound:
        return _motos(request)
    if before in TERMINAL:
        raise errors.wrong_status(before)
    return {}


def _check_input(request: TransformRequest) -> None:
    """Raises ServiceError if moto's S3 has the input's bucket and no object at its address."""
    uri = request.members["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    try:
        bucket, key = artifacts.bucket_and_key(uri)
    except ValueError as error:
        raise validation(str(error)) from error
    if request.moto.has_objects(bucket, key) is False:
        role = request.moto.role(request.scope, request.members["ModelName"])
        raise errors.no_objects(uri, request.scope, bucket, role)


def _motos(request: TransformRequest) -> JsonObject | None:
    """None if moto has the job. Raises ServiceError if there is none."""
    if not request.moto.has_job(request.scope, request.name):
        raise errors.not_found(request.name)
    return None


OPERATIONS: dict[str, Callable[[TransformRequest], JsonObject | None]] = {
    "CreateTransformJob": create_transform_job,
    "DescribeTransformJob": describe_transform_job,
    "ListTransformJobs": list_transform_jobs,
    "StopTransformJob": stop_transform_job,
}
