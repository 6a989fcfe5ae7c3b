"""The errors of the operations on transform jobs.

Source of the texts: quotations in public repositories, unless a docstring says otherwise.
"""

from __future__ import annotations

from neo_emulator.hosting.arns import arn
from neo_emulator.protocol.errors import ServiceError, validation
from neo_workers.jobs import Scope
from neo_workers.transform.jobs import TransformStatus


def name_taken(scope: Scope, name: str) -> ServiceError:
    """ResourceInUse, 400. The text is that of processing jobs, with the noun changed."""
    text = (
        "Job name must be unique within an AWS account and region, and a job with this name already exists "
        f"({arn('transform-job', scope, name)})"
    )
    return ServiceError("ResourceInUse", text, member="Message")


def not_found(name: str) -> ServiceError:
    """ValidationException, as botocore's waiter expects for an unknown job."""
    return validation(f"Could not find requested job with name: {name}")


def wrong_status(status: TransformStatus) -> ServiceError:
    """ValidationException for StopTransformJob of a job that has ended."""
    return validation(f"The request was rejected because the transform job is in status {status}.")


def no_objects(uri: str, scope: Scope, bucket: str, role: str) -> ServiceError:
    """ValidationException. Source: aws/amazon-sagemaker-examples#2414."""
    return validation(
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f"the selected region ({scope.region}), that objects exist under that S3 prefix, and that the role "
        f'"{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )
