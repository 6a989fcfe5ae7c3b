"""Errors sent to clients. Raised anywhere in the API, rendered in one place.

Source: the errors of botocore's sagemaker model, and the "Common Error Types" page of the SageMaker API reference.
"""

from __future__ import annotations

from neo_workers.jobs import JobStatus


class ServiceError(Exception):
    """One AWS error: its code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400, member: str = "message") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.member = member  # "Message" for errors that SageMaker's model declares, "message" for all others


def validation(message: str) -> ServiceError:
    """ValidationException, 400: SageMaker's error for everything that its model declares no error for."""
    return ServiceError("ValidationException", message)


def serialization(message: str) -> ServiceError:
    """SerializationException, 400: the body is not JSON, or a member's JSON type is not the model's."""
    return ServiceError("SerializationException", message)


def name_taken(name: str) -> ServiceError:
    """ResourceInUse, 400. Source of the text: moto 5.2; the service's own is not public."""
    text = f"Resource Already Exists: Compilation job with name {name} already exists. Choose a different name."
    return ServiceError("ResourceInUse", text, member="Message")


def limit_exceeded(limit: int) -> ServiceError:
    """ResourceLimitExceeded, 400. Source of the text: SageMaker's error for CreateTrainingJob beyond a quota."""
    text = (
        f"The account-level service limit 'Number of active compilation jobs' is {limit} Instances, with current "
        f"utilization of {limit} Instances and a request delta of 1 Instances."
    )
    return ServiceError("ResourceLimitExceeded", text, member="Message")


def not_found(name: str) -> ServiceError:
    """ResourceNotFound, 400. Source of the text: moto 5.2; the service's own is not public."""
    return ServiceError("ResourceNotFound", f"Could not find compilation job '{name}'.", member="Message")


def no_resource(arn: str) -> ServiceError:
    """ValidationException, 400, for tags: the model declares no error for their operations. The text is ours."""
    return validation(f"Could not find resource '{arn}'.")


def too_many_tags() -> ServiceError:
    """ValidationException, 400. Source of the limit: "Tag naming limits" of the guide; the text is ours."""
    return validation("A resource can have at most 50 tags.")


def wrong_status(status: JobStatus, hint: str = "") -> ServiceError:
    """ValidationException, 400, for Stop and Delete. Source of the text: StopTrainingJob's, with the noun changed."""
    return validation(f"The request was rejected because the compilation job is in status {status}.{hint}")


def role_not_assumable(arn: str) -> ServiceError:
    """ValidationException, 400, opt-in. Source of the text: SageMaker's error for CreateModel and CreateTrainingJob."""
    return validation(
        f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


def unknown_operation(name: str) -> ServiceError:
    """UnknownOperationException, 400: the operation does not exist, or neither the emulator nor moto has it."""
    return ServiceError("UnknownOperationException", f"neo-emulator has no operation {name}.")


def not_implemented(operation: str) -> ServiceError:
    """NotImplemented, 501, which no SDK tries again: moto has the operation's service, but cannot do what was asked."""
    return ServiceError("NotImplemented", f"moto does not implement {operation} for this request.", 501)


def missing_token() -> ServiceError:
    """MissingAuthenticationTokenException, 400: an unsigned request to a service known only from the signature."""
    return ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")


def line_end_in_header() -> ServiceError:
    """InvalidArgument, 400: the request would put a line break into a response header. The text is ours."""
    return ServiceError("InvalidArgument", "A response header cannot contain a line break.")


def internal_failure() -> ServiceError:
    """InternalFailure, 500: a bug in the emulator; SDKs retry."""
    return ServiceError("InternalFailure", "The request processing has failed because of an unknown error.", 500)


def unavailable() -> ServiceError:
    """ServiceUnavailable, 503: the job store does not respond; SDKs retry."""
    return ServiceError("ServiceUnavailable", "The job store does not respond. Please try again.", 503)


def cannot_write(cause: str) -> ServiceError:
    """ServiceUnavailable, 503: the data folder's disk is full or faulty; SDKs retry."""
    return ServiceError("ServiceUnavailable", f"The emulator cannot write to its data folder: {cause}.", 503)
