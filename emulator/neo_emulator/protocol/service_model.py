"""botocore's model of SageMaker: its operations and the shapes of their requests and responses."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any

_LOADING = Lock()


def service_model() -> Any:
    """botocore's ServiceModel of SageMaker. The first call takes 0.2 s, during which other callers wait."""
    with _LOADING:
        return _load_model()


@lru_cache(maxsize=1)
def _load_model() -> Any:
    # only botocore's loader and model: a session or a client would take another 0.2 s
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")


@lru_cache(maxsize=64)
def input_shape(operation: str) -> Any:
    """The shape of an operation's request. Raises botocore's OperationNotFoundError."""
    return service_model().operation_model(operation).input_shape


@lru_cache(maxsize=64)
def output_shape(operation: str) -> Any:
    """The shape of an operation's response, None for an empty body. Raises botocore's OperationNotFoundError."""
    return service_model().operation_model(operation).output_shape


def operation_names() -> frozenset[str]:
    """The names of all operations in the model."""
    return frozenset(service_model().operation_names)
