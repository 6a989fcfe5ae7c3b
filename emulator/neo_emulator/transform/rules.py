"""Rules of CreateTransformJob that botocore's model cannot express.

Source: API_CreateTransformJob; the texts are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from neo_emulator.protocol import errors
from neo_workers.jobs import JsonObject
from neo_workers.transform.data_processing import DataProcessing, ProcessingError

MOST_MEGABYTES = 100
DEFAULT_MEGABYTES = 6


@dataclass(frozen=True)
class Rule:
    """One reason to refuse a request that is valid by its shapes."""

    broken: Callable[[JsonObject], bool]
    message: str


def check(request: JsonObject) -> None:
    """Raises ServiceError (ValidationException) for the first rule that `request` violates."""
    for rule in RULES:
        if rule.broken(request):
            raise errors.validation(rule.message)
    try:
        DataProcessing.of(request).check()
    except ProcessingError as error:
        raise errors.validation(str(error)) from error


def _megabytes(request: JsonObject) -> int:
    size: int = request.get("MaxPayloadInMB", DEFAULT_MEGABYTES)
    return size


RULES = (
    Rule(
        lambda request: _megabytes(request) > MOST_MEGABYTES,
        f"MaxPayloadInMB cannot exceed {MOST_MEGABYTES}.",
    ),
    Rule(
        lambda request: _megabytes(request) * request.get("MaxConcurrentTransforms", 1) > MOST_MEGABYTES,
        f"The product of MaxConcurrentTransforms and MaxPayloadInMB cannot exceed {MOST_MEGABYTES} MB.",
    ),
    Rule(
        lambda request: "BatchStrategy" in request and request["TransformInput"].get("SplitType", "None") == "None",
        "BatchStrategy requires that SplitType is Line, RecordIO or TFRecord.",
    ),
    Rule(
        lambda request: (
            request["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"] not in ("S3Prefix", "ManifestFile")
        ),
        "neo-emulator transforms data of S3DataType S3Prefix and ManifestFile only.",
    ),
)
