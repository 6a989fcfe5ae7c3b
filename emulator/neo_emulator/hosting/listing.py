"""ListEndpoints and ListTransformJobs: what was made of compiled models, and moto's, sorted together, in pages."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from neo_emulator.protocol import errors
from neo_workers.jobs import JsonObject

MOST_RESULTS = 100
_TIMES = {
    "CreationTimeAfter": ("CreationTime", 1),
    "CreationTimeBefore": ("CreationTime", -1),
    "LastModifiedTimeAfter": ("LastModifiedTime", 1),
    "LastModifiedTimeBefore": ("LastModifiedTime", -1),
}


@dataclass(frozen=True)
class Listing:
    """The names that one operation has for what the others have, too."""

    answer: str  # member of the response: the list
    name: str  # members of a row
    status: str


ENDPOINTS = Listing("Endpoints", "EndpointName", "EndpointStatus")


def page(rows: list[JsonObject], members: JsonObject, names: Listing = ENDPOINTS) -> JsonObject:
    """The response for all rows. Raises ServiceError for an invalid NextToken."""
    found = [row for row in rows if _passes(row, members, names)]
    key = {"Name": names.name, "CreationTime": "CreationTime", "Status": names.status}[
        members.get("SortBy", "CreationTime")
    ]
    descending = members.get("SortOrder", "Descending") == "Descending"
    found.sort(key=lambda row: (row[key], row[names.name]), reverse=descending)
    begin = _begin(members.get("NextToken", ""))
    end = begin + members.get("MaxResults", MOST_RESULTS)
    answer: JsonObject = {names.answer: found[begin:end]}
    if end < len(found):
        answer["NextToken"] = base64.urlsafe_b64encode(json.dumps([end]).encode()).decode()
    return answer


def _passes(row: JsonObject, members: JsonObject, names: Listing) -> bool:
    if members.get("NameContains", "").lower() not in row[names.name].lower():
        return False
    if members.get("StatusEquals", row[names.status]) != row[names.status]:
        return False
    return all(_in_time(row[key], members.get(name), sign) for name, (key, sign) in _TIMES.items())


def _in_time(value: datetime, limit: Any, sign: int) -> bool:
    return limit is None or (value >= limit if sign > 0 else value <= limit)


def _begin(token: str) -> int:
    if not token:
        return 0
    try:
        (begin,) = json.loads(base64.urlsafe_b64decode(token))
        if isinstance(begin, int) and begin > 0:
            return begin
    except (ValueError, TypeError):
        pass
    raise errors.validation("Invalid pagination token.")
