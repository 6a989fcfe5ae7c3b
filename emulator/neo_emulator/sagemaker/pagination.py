"""ListCompilationJobs: its filters and order as a store query, and the NextToken between its pages.

Source: API_ListCompilationJobs (CreationTime and Ascending by default). Not documented, chosen: pages of 100 where
MaxResults is absent, as in moto; the ends of time ranges are included.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime

from neo_emulator.protocol import errors
from neo_workers.jobs import Job, JobStatus, JsonObject, Query, Scope, SortBy

DEFAULT_PAGE = 100
_UNBOUND = frozenset({"MaxResults", "NextToken"})  # may change from page to page
_DEFAULTS = {"SortBy": SortBy.CREATION_TIME, "SortOrder": "Ascending"}
Cursor = tuple[str, int, str]  # (status, created in ms, name) of the last job shown


def query(request: JsonObject, scope: Scope) -> Query:
    """What `request` asks of the store. Raises ServiceError (ValidationException) for another request's NextToken."""
    token, status = request.get("NextToken"), request.get("StatusEquals")
    return Query(
        sort_by=SortBy(request.get("SortBy", _DEFAULTS["SortBy"])),
        descending=request.get("SortOrder") == "Descending",
        limit=request.get("MaxResults", DEFAULT_PAGE),
        name_contains=request.get("NameContains", ""),
        status=JobStatus(status) if status else None,
        created_after_ms=_milliseconds(request.get("CreationTimeAfter")),
        created_before_ms=_milliseconds(request.get("CreationTimeBefore")),
        modified_after_ms=_milliseconds(request.get("LastModifiedTimeAfter")),
        modified_before_ms=_milliseconds(request.get("LastModifiedTimeBefore")),
        after=_cursor(token, _fingerprint(request, scope)) if token else None,
    )


def next_token(request: JsonObject, last: Job) -> str:
    """A token for the page behind `last`, good only for the filters and order of `request`, and for the
    account and region of the job."""
    created_ms = _milliseconds(last.created)
    return encode([_fingerprint(request, last.id.scope), last.status, created_ms, last.id.name])


def encode(parts: list[object]) -> str:
    """Any JSON list as a token."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


def decode(token: str) -> list[object]:
    """What `encode` was given. Raises ServiceError (ValidationException) for any other text."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, RecursionError) as err:
        raise invalid_token() from err
    if not isinstance(parts, list):
        raise invalid_token()
    return parts


def invalid_token() -> errors.ServiceError:
    """ValidationException. The service's own text is not public."""
    return errors.validation("Invalid NextToken: it does not belong to this request.")


def _cursor(token: str, fingerprint: str) -> Cursor:
    match decode(token):
        case [str(bound), str(status), int(created_ms), str(name)] if (
            bound == fingerprint and status in JobStatus.__members__ and 0 <= created_ms < 1 << 52
        ):
            return status, created_ms, name
        case _:
            raise invalid_token()


def _fingerprint(request: JsonObject, scope: Scope) -> str:
    asked = {**_DEFAULTS, **request, "scope": scope}
    filters = {name: str(value) for name, value in sorted(asked.items()) if name not in _UNBOUND}
    return hashlib.sha256(json.dumps(filters).encode()).hexdigest()[:16]


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
