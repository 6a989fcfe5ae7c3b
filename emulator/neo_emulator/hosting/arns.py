"""ARNs of endpoints, their models and their logs."""

from __future__ import annotations

from neo_emulator.protocol.arns import partition
from neo_workers.hosting.endpoints import log_group
from neo_workers.jobs import Scope


def arn(kind: str, scope: Scope, name: str) -> str:
    """The ARN of a resource of SageMaker: `kind` is "endpoint", "endpoint-config", "model"."""
    return f"arn:{partition(scope.region).name}:sagemaker:{scope.region}:{scope.account}:{kind}/{name}"


def endpoint_arn(scope: Scope, name: str) -> str:
    """The EndpointArn."""
    return arn("endpoint", scope, name)


def log_group_arn(scope: Scope, name: str) -> str:
    """The ARN of an endpoint's log group, as LogStreamArn of a ModelError names it."""
    return f"arn:{partition(scope.region).name}:logs:{scope.region}:{scope.account}:log-group:{log_group(name)}"
