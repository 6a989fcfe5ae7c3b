"""Whether S3 allows an unsigned request: what bucket policies and access control lists grant to everyone.

Source: "How Amazon S3 authorizes a request" and "Blocking public access" of the S3 user guide. Conditions are not
evaluated: an Allow with a Condition grants nothing, a Deny with one denies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from neo_workers.jobs import JsonObject

GET_OBJECT, LIST_BUCKET = "s3:GetObject", "s3:ListBucket"


@dataclass(frozen=True)
class S3Request:
    """A request that a policy or an access control list can allow to everyone."""

    bucket: str
    key: str  # "" for the bucket itself
    action: str  # GET_OBJECT or LIST_BUCKET


@dataclass(frozen=True)
class PublicAccess:
    """What a bucket, and an object in it, grant to everyone."""

    partition: str
    policy: str  # JSON, "" without one
    bucket_grants: frozenset[str]  # of READ, WRITE, READ_ACP, WRITE_ACP, FULL_CONTROL
    object_grants: frozenset[str] | None  # None if the object does not exist
    ignores_acls: bool = False  # PublicAccessBlock, or BucketOwnerEnforced
    restricts_policy: bool = False  # PublicAccessBlock


def is_allowed(request: S3Request, access_of: Callable[[str, str], PublicAccess | None]) -> bool:
    """Whether anyone may make this request. `access_of` takes a bucket and a key ("" for the bucket itself)."""
    access = access_of(request.bucket, request.key)
    if access is None:
        return False
    if access.object_grants is None and request.action == GET_OBJECT:
        # callers that may not list the bucket must not learn that the object does not exist
        return _allowed(S3Request(request.bucket, "", LIST_BUCKET), access)
    return _allowed(request, access)


def _allowed(request: S3Request, access: PublicAccess) -> bool:
    verdict = _by_policy(request, access)
    if verdict is not None:
        return verdict
    if access.ignores_acls:
        return False
    grants = access.bucket_grants if request.action == LIST_BUCKET else access.object_grants or frozenset()
    return bool(grants & {"READ", "FULL_CONTROL"})


def _by_policy(request: S3Request, access: PublicAccess) -> bool | None:
    """True if the policy allows the request, False if it denies it, None if no statement applies."""
    resource = f"arn:{access.partition}:s3:::{request.bucket}" + (f"/{request.key}" if request.key else "")
    verdict: bool | None = None
    for statement in _statements(access.policy):
        if not (_concerns_all(statement) and _matches(statement, "Action", request.action, ignore_case=True)):
            continue
        if not _matches(statement, "Resource", resource):
            continue
        if statement.get("Effect") == "Deny":
            return False
        if "Condition" not in statement and not access.restricts_policy:
            verdict = True
    return verdict


def _statements(policy: str) -> list[JsonObject]:
    try:
        found = json.loads(policy).get("Statement", []) if policy else []
    except (ValueError, AttributeError):
        return []
    return [row for row in (found if isinstance(found, list) else [found]) if isinstance(row, dict)]


def _concerns_all(statement: JsonObject) -> bool:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        principal = principal.get("AWS")
    return principal == "*" or (isinstance(principal, list) and "*" in principal)


def _matches(statement: JsonObject, member: str, value: str, *, ignore_case: bool = False) -> bool:
    if member in statement:
        return any(_glob(pattern, value, ignore_case) for pattern in _texts(statement[member]))
    if f"Not{member}" in statement:
        return not any(_glob(pattern, value, ignore_case) for pattern in _texts(statement[f"Not{member}"]))
    return False


def _texts(value: object) -> list[str]:
    return [str(item) for item in (value if isinstance(value, list) else [value])]


def _glob(pattern: str, value: str, ignore_case: bool) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None
