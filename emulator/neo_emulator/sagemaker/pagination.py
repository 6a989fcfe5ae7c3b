"""ListCompilationJobs: converts its filters and order into a store query, and creates and parses NextToken.

Source: API_ListCompilationJobs (CreationTime and Ascending by default). Not documented, chosen: pages of 100 if
MaxResults is absent, as in moto; time ranges include their ends.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime

from neo_emulator.protocol import errors
from neo_workers.jobs import Job, JobStatus, JsonObject, Query, Scope, SortBy

DEFAULT_PAGE = 100
_UNBOUND = frozenset({"MaxResults", "NextToken"})  # may differ between pages
_DEFAULTS = {"SortBy": SortBy.CREATION_TIME, "SortOrder": "Ascending"}
Cursor = tuple[str, int, str]  # (status, created in ms, name) of the previous page's last job


def query(request: JsonObject, scope: Scope) -> Query:
    """The store query for `request`. Raises ServiceError (ValidationException) for another request's NextToken."""
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
    """A token for the page after `last`, valid only for the filters and order of `request` and the
    account and region of the job."""
    created_ms = _milliseconds(last.created)
    return encode([_fingerprint(request, last.id.scope), last.status, created_ms, last.id.name])


def encode(parts: list[object]) -> str:
    """Encodes a JSON list as an opaque token."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


def decode(token: str) -> list[object]:
    """The inverse of `encode`. Raises ServiceError (ValidationException) for an invalid token."""
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
